/** A peer broke the rules of RFC 6455; its connection is closed with `closeCode` and the message as reason. */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  /** 1002 protocol error, 1007 text that is not UTF-8, 1009 more than can be counted. RFC 6455 §7.4.1. */
  readonly closeCode: 1002 | 1007 | 1009;

  constructor(closeCode: 1002 | 1007 | 1009, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}
