import { serverSentEvent } from "../protocol/server-sent-event.ts";
import { frame, Opcode } from "../protocol/websocket-frame.ts";

/**
 * One framed hub message in one hub protocol, or several that stay together, with the forms in which transports write it.
 * Each form is made at most once, however many clients receive the message, and shared by all of them.
 */
export class EncodedMessage {
  /** The framed hub message: what long polling sends. */
  readonly bytes: Buffer;
  readonly transferFormat: "Text" | "Binary";
  /** How many hub messages it is: each counts where a client has stateful reconnect. */
  readonly count: number;
  #webSocketFrame: Buffer | undefined;
  #event: Buffer | undefined;

  constructor(bytes: Buffer, transferFormat: "Text" | "Binary", count = 1) {
    this.bytes = bytes;
    this.transferFormat = transferFormat;
    this.count = count;
  }

  /** The message as one unmasked WebSocket message. */
  get webSocketFrame(): Buffer {
    this.#webSocketFrame ??= frame(
      this.transferFormat === "Binary" ? Opcode.binary : Opcode.text,
      this.bytes,
    );
    return this.#webSocketFrame;
  }

  /** The message as one server-sent event. */
  get event(): Buffer {
    this.#event ??= serverSentEvent(this.bytes);
    return this.#event;
  }
}
