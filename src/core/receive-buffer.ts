/** Bytes of an unfinished message. Grows by doubling, so that a peer that sends byte by byte costs no more than its bytes. */
export class ReceiveBuffer {
  #space: Buffer;
  #start = 0;
  #end: number;

  /** @param first copied */
  constructor(first: Buffer) {
    this.#space = Buffer.allocUnsafeSlow(Math.max(64, first.length));
    first.copy(this.#space);
    this.#end = first.length;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** A view of what is unfinished, until the next call. */
  get bytes(): Buffer {
    return this.#space.subarray(this.#start, this.#end);
  }

  append(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#space.length) {
      const space = Buffer.allocUnsafeSlow(Math.max(2 * this.length, this.length + chunk.length));
      this.bytes.copy(space);
      this.#end = this.length;
      this.#start = 0;
      this.#space = space;
    }
    chunk.copy(this.#space, this.#end);
    this.#end += chunk.length;
  }

  /** Drops bytes from the front. */
  consume(count: number): void {
    this.#start += count;
  }
}
