/** How often an operation was answered with a class of status. */
export interface CallCount {
  /** Its method and path, as in `Operation`. */
  readonly operation: string;
  /** `2xx` and the like. */
  readonly statusClass: string;
  readonly count: number;
}

/** Counts the answers of the REST API. Plain numbers, as every call is counted; read by iterating. */
export class CallCounts {
  readonly #byOperation = new Map<string, number[]>();

  /** What counts one answer of the operation, by its status. */
  counterOf(operation: string): (status: number) => void {
    const counts = this.#byOperation.get(operation) ?? [0, 0, 0, 0, 0, 0];
    this.#byOperation.set(operation, counts);
    return (status) => {
      const statusClass = Math.trunc(status / 100);
      counts[statusClass] = (counts[statusClass] ?? 0) + 1;
    };
  }

  /** Those that there were. */
  *[Symbol.iterator](): Iterator<CallCount> {
    for (const [operation, counts] of this.#byOperation)
      for (const [statusClass, count] of counts.entries())
        if (count > 0) yield { operation, statusClass: `${statusClass}xx`, count };
  }
}
