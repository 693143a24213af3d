/** The only way Hubwire sees time; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. For timeouts. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. For tokens and time to live. */
  epochMs(): number;
  /** Calls `tick` about every `intervalMs` until disposed; does not keep the process alive. */
  every(intervalMs: number, tick: () => void): Disposable;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  epochMs: () => Date.now(),
  every: (intervalMs, tick) => {
    const timer = setInterval(tick, intervalMs).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
