/*
 * Who must have got what, while everything happens at the same time. Time is counted in ticks: whatever begins or ends takes the
 * next one. What overlaps may have happened in either order.
 */

/** One stay in an audience. */
interface Stay {
  /** When joining began, and when it had succeeded. */
  readonly from: number;
  surelyFrom: number;
  /** When leaving began, and when it had succeeded. */
  surelyUntil: number;
  until: number;
}

/** One message to an audience: `all`, `group g`, `user u` or `connection c`. */
interface Sending {
  readonly sender: number;
  /** 0, 1, 2, … for each sender. */
  readonly number: number;
  readonly audience: string;
  /** Ids of connections that must not get it. */
  readonly excluded: readonly string[];
  readonly from: number;
  until: number;
}

/** Counts time, and keeps what was sent by each sender. */
export class Ledger {
  readonly sendings: Sending[][];
  #now = 0;

  constructor(senders: number) {
    this.sendings = Array.from({ length: senders }, () => []);
  }

  tick(): number {
    return ++this.#now;
  }

  /** Sends a message: `deliver` gets its number, and resolves when it is on its way. */
  async send(
    { sender, audience, excluded = [] }: Pick<Sending, "sender" | "audience"> & Partial<Sending>,
    deliver: (number: number) => Promise<void>,
  ): Promise<void> {
    const sendings = this.sendings[sender] ?? [];
    const number = sendings.length;
    const sending = {
      sender,
      number,
      audience,
      excluded,
      from: this.tick(),
      until: Number.POSITIVE_INFINITY,
    };
    sendings.push(sending);
    await deliver(number);
    sending.until = this.tick();
  }
}

/** What one client was in and what it got. */
export class Witness {
  readonly #ledger: Ledger;
  readonly #stays = new Map<string, Stay[]>();
  /** Numbers of messages by sender. */
  readonly #received: number[][];
  #hasLeft = false;
  connectionId = "";

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#received = ledger.sendings.map(() => []);
  }

  received(sender: number, number: number): void {
    this.#received[sender]?.push(number);
  }

  /** Whether it is in an audience, with nothing under way. */
  isIn(audience: string): boolean {
    return this.#stays.get(audience)?.at(-1)?.until === Number.POSITIVE_INFINITY;
  }

  /** Joining an audience begins; the result is to be called when it has succeeded. */
  join(audience: string): () => void {
    const later = Number.POSITIVE_INFINITY;
    const stay = { from: this.#ledger.tick(), surelyFrom: later, surelyUntil: later, until: later };
    const stays = this.#stays.get(audience);
    if (stays === undefined) this.#stays.set(audience, [stay]);
    else stays.push(stay);
    return () => {
      stay.surelyFrom = this.#ledger.tick();
    };
  }

  /** Leaving an audience begins; the result is to be called when it has succeeded. */
  leave(audience: string): () => void {
    const stay = this.#stays.get(audience)?.at(-1);
    if (stay === undefined) throw new Error(`it is not in ${audience}`);
    stay.surelyUntil = this.#ledger.tick();
    return () => {
      stay.until = this.#ledger.tick();
    };
  }

  /** It goes: what is on its way to it may be lost. */
  goes(): void {
    this.#hasLeft = true;
    const now = this.#ledger.tick();
    for (const stays of this.#stays.values())
      for (const stay of stays) stay.surelyUntil = Math.min(stay.surelyUntil, now);
  }

  /** What it did not get as it must, in words; empty if all is well. */
  complaints(): string[] {
    return this.#ledger.sendings.flatMap((sendings, sender) =>
      this.#complaintsAbout(sendings, this.#received[sender] ?? []),
    );
  }

  #complaintsAbout(sendings: readonly Sending[], received: readonly number[]): string[] {
    const complaints: string[] = [];
    let at = 0;
    for (const sending of sendings) {
      const { sender, number, audience } = sending;
      const what = `message ${number} of sender ${sender} to ${audience}`;
      if (received[at] === number) {
        at++;
        if (!this.#may(sending)) complaints.push(`got ${what}, which is not for it`);
      } else if (this.#must(sending) && (!this.#hasLeft || at < received.length))
        complaints.push(`did not get ${what}`);
    }
    if (at < received.length)
      complaints.push(
        `got number ${String(received[at])} twice or after a later one: ${received.slice(at - 1, at + 2).join()}`,
      );
    return complaints;
  }

  #must({ audience, excluded, from, until }: Sending): boolean {
    return (
      !excluded.includes(this.connectionId) &&
      (this.#stays.get(audience)?.some((stay) => stay.surelyFrom <= from && until <= stay.surelyUntil) ??
        false)
    );
  }

  #may({ audience, excluded, from, until }: Sending): boolean {
    return (
      !excluded.includes(this.connectionId) &&
      (this.#stays.get(audience)?.some((stay) => stay.from <= until && from <= stay.until) ?? false)
    );
  }
}
