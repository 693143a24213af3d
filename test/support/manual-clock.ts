import type { Clock } from "../../src/core/clock.ts";

/** A clock that stands still until a test moves it; what is due meanwhile runs in order. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #startedAtMs: number;
  readonly #timers = new Set<{ intervalMs: number; nextMs: number; tick: () => void }>();

  /** @param epochMs the time of day that it starts at: now, so that real tokens are valid */
  constructor(epochMs: number = Date.now()) {
    this.#startedAtMs = epochMs;
  }

  /** Timers that run. */
  get timers(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#startedAtMs + this.#nowMs;
  }

  every(intervalMs: number, tick: () => void): Disposable {
    const timer = { intervalMs, nextMs: this.#nowMs + intervalMs, tick };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Moves time on, timer by timer. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#timers]
        .filter(({ nextMs }) => nextMs <= endMs)
        .sort((a, b) => a.nextMs - b.nextMs)[0];
      if (due === undefined) break;
      this.#nowMs = due.nextMs;
      due.nextMs += due.intervalMs;
      due.tick();
    }
    this.#nowMs = endMs;
  }

  /** Moves time on at once, as a machine that slept: what is due meanwhile runs once. */
  skip(byMs: number): void {
    this.#nowMs += byMs;
    for (const timer of this.#timers) {
      if (timer.nextMs > this.#nowMs) continue;
      timer.nextMs = this.#nowMs + timer.intervalMs;
      timer.tick();
    }
  }
}
