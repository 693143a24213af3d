/** Where the items of a stream go. */
export interface ItemOutlet {
  send(item: unknown): void;
  /** Resolves when more may be sent; `undefined` where it may be at once. */
  drained(): Promise<void> | undefined;
}

/** A stream to a client: what a method returns, until it ends or is cancelled. */
export class ResultStream {
  readonly #controller = new AbortController();
  #wake: (() => void) | undefined;

  /** Aborted when the stream is cancelled. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.#controller.abort();
    this.#wake?.();
  }

  /**
   * Sends the items; resolves at the end, and at once when it is cancelled.
   * @throws what the stream throws
   */
  async run(items: AsyncIterable<unknown> | Iterable<unknown>, outlet: ItemOutlet): Promise<void> {
    const iterator = iteratorOf(items);
    try {
      while (!this.signal.aborted) {
        const next = await this.#unlessCancelled(Promise.resolve(iterator.next()));
        if (next === undefined) break;
        if (next.done) return;
        outlet.send(next.value);
        const drained = outlet.drained();
        if (drained !== undefined) await this.#unlessCancelled(drained);
      }
    } catch (error) {
      if (!this.signal.aborted) throw error;
    }
    dispose(iterator);
  }

  /** As the promise, or `undefined` when the stream is cancelled first. A race would keep something for every item. */
  #unlessCancelled<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      promise.then(resolve, reject);
      if (this.signal.aborted) resolve(undefined);
    });
  }
}

/** What a method may return in place of one result. Strings and arrays are results. */
export function isStream(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  return Symbol.asyncIterator in value || (Symbol.iterator in value && "next" in value);
}

/** Ends a stream that is not read to its end; what that throws concerns nobody. */
export function abandon(items: AsyncIterable<unknown> | Iterable<unknown>): void {
  dispose(iteratorOf(items));
}

function iteratorOf(
  items: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}

function dispose(iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  const end = async (): Promise<unknown> => iterator.return?.();
  end().catch(() => {}); // the stream was given up
}
