import { ProtocolError } from "../protocol/protocol-error.ts";
import type { EncodedMessage } from "./encoded-message.ts";

/**
 * Stateful reconnect of one client: what was sent and not acknowledged, and what was received, counted alike on both
 * sides and across sockets. Only trackable messages (types 1 to 5) count; their numbers are never on the wire.
 * docs/spec/client-endpoint.md §3.10.
 */
export class Resumption {
  readonly #messages: EncodedMessage[] = [];
  /** How many of `#messages`, from the front, are acknowledged and only wait to be cut off. */
  #acknowledged = 0;
  /** The number of the oldest message that is not acknowledged, or of the next one. */
  #oldest = 1;
  #bufferedBytes = 0;
  #nextReceived = 1;
  #latestReceived = 0;
  #latestAcknowledged = 0;
  #overfullSinceMs: number | undefined;

  /** Bytes of what the client has not acknowledged yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Counts and keeps a trackable message that is being sent, whether or not a socket is attached. */
  sending(message: EncodedMessage): void {
    this.#messages.push(message);
    this.#bufferedBytes += message.bytes.length;
  }

  /**
   * The client has received all up to this number; a number beyond what was sent stands for all.
   * @returns whether that was news
   */
  acknowledged(sequenceId: number): boolean {
    const oldest = this.#oldest;
    let next = this.#messages[this.#acknowledged];
    while (next !== undefined && this.#oldest + next.count - 1 <= sequenceId) {
      this.#oldest += next.count;
      this.#bufferedBytes -= next.bytes.length;
      next = this.#messages[++this.#acknowledged];
    }
    // Cut off at half: a client that acknowledges one by one costs no more than one that does so at once.
    if (2 * this.#acknowledged >= this.#messages.length) {
      this.#messages.splice(0, this.#acknowledged);
      this.#acknowledged = 0;
    }
    const isNews = this.#oldest > oldest;
    if (isNews) this.#overfullSinceMs = undefined;
    return isNews;
  }

  /** Counts a trackable message of the client; `false` for one that was received before the reconnect already. */
  received(): boolean {
    const id = this.#nextReceived++;
    if (id > this.#latestReceived) {
      this.#latestReceived = id;
      return true;
    }
    // It repeats what it has no acknowledgement for: that was lost with the old socket.
    if (id === this.#latestReceived) this.#latestAcknowledged = id - 1;
    return false;
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

  /** How long, without a word of the client, it has left more than so many bytes unacknowledged; asked about once a second. */
  overfullMs(limitBytes: number, nowMs: number): number {
    if (this.#bufferedBytes <= limitBytes) this.#overfullSinceMs = undefined;
    else this.#overfullSinceMs ??= nowMs;
    return this.#overfullSinceMs === undefined ? 0 : nowMs - this.#overfullSinceMs;
  }

  /** What a new socket starts with: the number of the first message of `messages`, and these messages. */
  replay(): { readonly sequenceId: number; readonly messages: readonly EncodedMessage[] } {
    // It could not acknowledge without a socket.
    this.#overfullSinceMs = undefined;
    return { sequenceId: this.#oldest, messages: this.#messages.slice(this.#acknowledged) };
  }
}
