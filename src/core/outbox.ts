/** A joined write is at most this large, unless one message alone is larger. */
const MAX_BATCH_BYTES = 64 * 1024;

/** What an outbox writes to: one client's socket or response. */
export interface OutboxSink {
  /** Owned by the outbox: what this sink has been sent in this turn; `undefined` for nothing. */
  pending: Batch | undefined;
  /** Owned by the outbox: whether the sink is on the list of this turn. */
  queued: boolean;
  /** Takes whole messages, joined. Must not throw. */
  write(bytes: Buffer): void;
}

/**
 * A sequence of messages that one or many sinks have pending. Sinks that were sent the same messages in the same
 * order hold the very same batch, so that its bytes are joined once for all of them: appending a message to a
 * batch always gives the same successor while that message is being fanned out.
 */
export class Batch {
  readonly byteLength: number;
  readonly #previous: Batch | undefined;
  readonly #piece: Buffer;
  #next: Batch | undefined;
  #joined: Buffer | undefined;

  constructor(previous: Batch | undefined, piece: Buffer) {
    this.#previous = previous;
    this.#piece = piece;
    this.byteLength = piece.length + (previous === undefined ? 0 : previous.byteLength);
  }

  /** This batch with one message more. */
  append(piece: Buffer): Batch {
    const next = this.#next;
    if (next !== undefined && next.#piece === piece) return next;
    return (this.#next = new Batch(this, piece));
  }

  /** All its messages in one buffer, shared: nobody may write into it. */
  joined(): Buffer {
    if (this.#previous === undefined) return this.#piece;
    if (this.#joined === undefined) {
      const joined = Buffer.allocUnsafeSlow(this.byteLength);
      let end = this.byteLength - this.#piece.length;
      joined.set(this.#piece, end);
      for (let batch: Batch | undefined = this.#previous; batch !== undefined; batch = batch.#previous) {
        end -= batch.#piece.length;
        joined.set(batch.#piece, end);
      }
      this.#joined = joined;
    }
    return this.#joined;
  }

  startsWith(piece: Buffer): boolean {
    return this.#previous === undefined && this.#piece === piece;
  }
}

/**
 * Collects what sinks are sent within one turn of the event loop and writes it once per sink.
 * Idle, a message leaves at the end of its own turn; under load, everything that came in during the last
 * fan-out leaves in the next, so the cost per message falls as the load rises.
 *
 * One outbox serves sinks that are sent messages in the same form, so that they can share batches.
 */
export class Outbox {
  readonly #schedule: (flush: () => void) => void;
  readonly #flushAll = (): void => this.#flushTurn();
  /** Messages that sinks were sent so far, and their bytes as they are written. */
  messages = 0;
  bytes = 0;
  #queue: OutboxSink[] = [];
  #first: Batch | undefined;

  /** @param schedule runs a function at the end of this turn of the event loop: `setImmediate` */
  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule;
  }

  /** Adds a whole message to what the sink is written at the end of this turn. */
  append(sink: OutboxSink, piece: Buffer): void {
    this.messages++;
    this.bytes += piece.length;
    const pending = sink.pending;
    if (pending !== undefined) {
      if (pending.byteLength + piece.length <= MAX_BATCH_BYTES) {
        sink.pending = pending.append(piece);
        return;
      }
      writePending(sink);
    }
    sink.pending = this.#batchOf(piece);
    if (sink.queued) return;
    sink.queued = true;
    if (this.#queue.push(sink) === 1) this.#schedule(this.#flushAll);
  }

  #batchOf(piece: Buffer): Batch {
    if (this.#first === undefined || !this.#first.startsWith(piece))
      this.#first = new Batch(undefined, piece);
    return this.#first;
  }

  #flushTurn(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#first = undefined;
    for (const sink of queue) {
      sink.queued = false;
      writePending(sink);
    }
  }
}

/** Writes what the sink has pending now, ahead of the end of the turn. */
export function writePending(sink: OutboxSink): void {
  const { pending } = sink;
  if (pending === undefined) return;
  sink.pending = undefined;
  sink.write(pending.joined());
}
