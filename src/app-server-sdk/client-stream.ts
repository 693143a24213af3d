import { Fifo } from "../core/fifo.ts";

/** What is counted while it waits of one client. */
export interface Backlog {
  add(bytes: number): void;
  remove(bytes: number): void;
}

interface Item {
  readonly value: unknown;
  readonly bytes: number;
}

/** A stream that a client sends to a method: an `AsyncIterable` that is read once. */
export class ClientStream implements AsyncIterable<unknown>, AsyncIterator<unknown, undefined> {
  readonly #backlog: Backlog;
  readonly #items = new Fifo<Item>();
  #isEnded = false;
  #error: Error | undefined;
  #waiting: PromiseWithResolvers<IteratorResult<unknown, undefined>> | undefined;

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  /** One more item, of so many bytes; ignored where nobody will read it. */
  push(value: unknown, bytes: number): void {
    if (this.#isEnded) return;
    if (this.#waiting !== undefined) return this.#answer({ value, done: false });
    this.#backlog.add(bytes);
    this.#items.push({ value, bytes });
  }

  /** No more comes: what has come is read, and then the error is thrown. */
  end(error?: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#waiting === undefined) this.#error = error;
    else if (error === undefined) this.#answer(DONE);
    else {
      this.#waiting.reject(error);
      this.#waiting = undefined;
    }
  }

  /** Nobody reads it any more. */
  drop(): void {
    this.end();
    this.#error = undefined;
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift())
      this.#backlog.remove(item.bytes);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#backlog.remove(item.bytes);
      return Promise.resolve({ value: item.value, done: false });
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error);
    if (this.#isEnded) return Promise.resolve(DONE);
    if (this.#waiting !== undefined)
      return Promise.reject(new Error("A client's stream is read by one reader, one item after the other."));
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.drop();
    return Promise.resolve(DONE);
  }

  #answer(result: IteratorResult<unknown, undefined>): void {
    this.#waiting?.resolve(result);
    this.#waiting = undefined;
  }
}

const DONE: IteratorResult<unknown, undefined> = { value: undefined, done: true };
