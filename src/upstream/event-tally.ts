import type { EmitEvent, HubwireEvent } from "../core/events.ts";

type CountedEvent = Extract<HubwireEvent, { readonly count: number }>;

const MAX_KINDS = 200;

/** Tells what happens in masses without a flood: of each kind the first at once, then the sum of the others at each `flush`. */
export class EventTally {
  readonly #emit: EmitEvent;
  /** Kinds told since the last flush; `undefined` where nothing has come after the first. */
  #kinds = new Map<string, CountedEvent | undefined>();

  constructor(emit: EmitEvent) {
    this.#emit = emit;
  }

  /**
   * @param kind what makes this event the same as others of its name; peers may choose it
   */
  add(event: CountedEvent, kind: string): void {
    const whole = `${event.name} ${kind}`;
    const key = this.#kinds.has(whole) || this.#kinds.size < MAX_KINDS ? whole : event.name;
    if (!this.#kinds.has(key)) {
      this.#kinds.set(key, undefined);
      this.#emit(event);
      return;
    }
    const count = (this.#kinds.get(key)?.count ?? 0) + event.count;
    this.#kinds.set(key, { ...event, count });
  }

  /** Tells the sums, and begins anew. */
  flush(): void {
    const kinds = this.#kinds;
    this.#kinds = new Map();
    for (const [key, event] of kinds) {
      if (event === undefined) continue;
      // What goes on is told by its sums alone.
      this.#kinds.set(key, undefined);
      this.#emit(event);
    }
  }
}
