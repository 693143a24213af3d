/** Something with time limits of its own. */
export interface Sweepable {
  /** @param nowMs monotonic milliseconds */
  tick(nowMs: number): void;
}

/** Many timers in one: all members are asked about once a second. No timer per client. */
export class Sweep<Member extends Sweepable> {
  readonly #members = new Set<Member>();

  get size(): number {
    return this.#members.size;
  }

  add(member: Member): void {
    this.#members.add(member);
  }

  delete(member: Member): void {
    this.#members.delete(member);
  }

  /** Members may leave meanwhile. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#members.values();
  }

  tick(nowMs: number): void {
    for (const member of this.#members) member.tick(nowMs);
  }
}
