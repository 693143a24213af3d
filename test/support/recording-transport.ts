import type { EncodedMessage } from "../../src/core/encoded-message.ts";
import type { ClientTransport } from "../../src/core/ports.ts";

/** A transport whose network is the test: it keeps what it is sent. */
export class RecordingTransport implements ClientTransport {
  readonly kind: ClientTransport["kind"];
  bufferedBytes = 0;
  readonly sent: string[] = [];
  ended: "closed" | "destroyed" | undefined;
  /** Gets each message when it is sent. */
  onSend: (bytes: Buffer) => void = () => {};

  constructor(kind: ClientTransport["kind"] = "WebSockets") {
    this.kind = kind;
  }

  send(message: EncodedMessage): void {
    this.sent.push(String(message.bytes));
    this.onSend(message.bytes);
  }

  flush(): void {}
  pause(): void {}
  resume(): void {}

  close(): void {
    this.ended ??= "closed";
  }

  destroy(): void {
    this.ended ??= "destroyed";
  }
}
