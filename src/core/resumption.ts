import { ProtocolError } from "../protocol/protocol-error.ts";
import type { EncodedMessage } from "./encoded-message.ts";

/**
 * Stateful reconnect of one client: what was sent and not acknowledged, and what was received, counted alike on both
 * sides and across sockets. Only trackable messages (types 1 to 5) count; their numbers are never on the wire.
 * docs/spec/client-endpoint.md §3.10.
 */
export class Resumption {
  #sent = 0;
  #unacknowledged: EncodedMessage[] = [];
  #bufferedBytes = 0;
  #nextReceived = 1;
  #latestReceived = 0;
  #latestAcknowledged = 0;

  /** Bytes of what the client has not acknowledged yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Counts and keeps a trackable message that is being sent, whether or not a socket is attached. */
  sending(message: EncodedMessage): void {
    this.#sent++;
    this.#unacknowledged.push(message);
    this.#bufferedBytes += message.bytes.length;
  }

  /** The client has received all up to this number; a number beyond what was sent stands for all. */
  acknowledged(sequenceId: number): void {
    const oldest = this.#sent - this.#unacknowledged.length + 1;
    const count = Math.min(Math.max(sequenceId - oldest + 1, 0), this.#unacknowledged.length);
    for (const message of this.#unacknowledged.splice(0, count)) this.#bufferedBytes -= message.bytes.length;
  }

  /** Counts a trackable message of the client; `false` for one that was received before the reconnect already. */
  received(): boolean {
    const id = this.#nextReceived++;
    if (id <= this.#latestReceived) return false;
    this.#latestReceived = id;
    return true;
  }

  /**
   * The client goes on counting from this number.
   * @throws {ProtocolError} when it is below 1 or beyond what could have been received
   */
  sequence(sequenceId: number): void {
    if (sequenceId > this.#nextReceived)
      throw new ProtocolError(
        "InvalidOperationException: Sequence ID greater than amount of messages we've received.",
      );
    if (sequenceId < 1) throw new ProtocolError("InvalidDataException: Sequence ID is less than 1.");
    this.#nextReceived = sequenceId;
  }

  /** The number to acknowledge to the client, once each time there is a new one. */
  takeAcknowledgement(): number | undefined {
    if (this.#latestReceived <= this.#latestAcknowledged) return undefined;
    this.#latestAcknowledged = this.#latestReceived;
    return this.#latestReceived;
  }

  /** What a new socket starts with: the number of the first message of `messages`, and these messages. */
  replay(): { readonly sequenceId: number; readonly messages: readonly EncodedMessage[] } {
    return { sequenceId: this.#sent - this.#unacknowledged.length + 1, messages: this.#unacknowledged };
  }
}
