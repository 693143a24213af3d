import { LightClient } from "../support/light-client.ts";
import type { WireName } from "../support/light-wires.ts";
import type { TestHubwire } from "../support/start-hubwire.ts";
import { type Ledger, Witness } from "./ledger.ts";
import type { Random } from "./random.ts";

/** Users are named `u0` and on. */
export const USERS = 50;
/** The users below this one are each in a group as users, `of-u0` and on, from before their first connection. */
export const USERS_IN_GROUPS = 20;

/** Of twenty clients. */
const WIRES: readonly WireName[] = [
  ...Array.from({ length: 17 }, () => "webSocket" as const),
  "eventStream",
  "eventStream",
  "longPolling",
];

/** One client of the soak, and what it got. */
export class Participant {
  readonly witness: Witness;
  /** Whether something is under way with it. */
  isBusy = true;
  /** Something that the service did to it and must not have done. */
  surprise: string | undefined;
  /** The last one of the messages that everyone gets in the end. */
  fence = 0;
  readonly #userId: string | undefined;
  readonly #pending: { readonly number: number; readonly answered: () => void }[] = [];
  #client: LightClient | undefined;
  #invocations = 0;
  #isGoing = false;

  constructor(ledger: Ledger, random: Random) {
    this.witness = new Witness(ledger);
    this.#userId = random.chance(0.6) ? `u${random.below(USERS)}` : undefined;
  }

  /** `""` until it has connected. */
  get connectionId(): string {
    return this.#client?.connectionId ?? "";
  }

  /** Whether all that it invoked is answered. */
  get isAnswered(): boolean {
    return this.#pending.length === 0;
  }

  /** What was not as it must be, in words. */
  get complaints(): string[] {
    const all = [...this.witness.complaints(), ...(this.surprise === undefined ? [] : [this.surprise])];
    return all.map((complaint) => `${this.connectionId}: ${complaint}`);
  }

  async connect(hubwire: TestHubwire, random: Random): Promise<void> {
    const wire = random.of(WIRES);
    const protocol = wire === "eventStream" || random.chance(0.5) ? "json" : "messagepack";
    const joined = this.#audiences().map((audience) => this.witness.join(audience));
    this.#client = await LightClient.connect(
      hubwire,
      { wire, protocol, userId: this.#userId },
      {
        invoked: (target, [sender, number]) => {
          if (target === "fence") this.fence = Number(number);
          else this.witness.received(Number(sender), Number(number));
        },
        completed: (id) => this.#completed(Number(id)),
        ended: (reason) => this.#ended(reason),
      },
    );
    this.witness.connectionId = this.connectionId;
    const joinedAsItself = this.witness.join(`connection ${this.connectionId}`);
    for (const done of [...joined, joinedAsItself]) done();
    this.isBusy = false;
  }

  /** Resolves with the answer. */
  invoke(): Promise<void> {
    const number = this.#invocations++;
    return new Promise((answered) => {
      this.#pending.push({ number, answered });
      this.#client?.invoke("Echo", String(number));
    });
  }

  /** It is not told of any more. */
  go(how: "leave" | "drop"): void {
    this.isBusy = true;
    this.#isGoing = true;
    this.witness.goes();
    this.#client?.[how]();
  }

  /** What it is in from its handshake. */
  #audiences(): string[] {
    if (this.#userId === undefined) return ["all"];
    const isInGroup = Number(this.#userId.slice(1)) < USERS_IN_GROUPS;
    return ["all", `user ${this.#userId}`, ...(isInGroup ? [`group of-${this.#userId}`] : [])];
  }

  #completed(number: number): void {
    const next = this.#pending.shift();
    if (next?.number !== number) this.surprise ??= `answer ${number} is not the next one`;
    next?.answered();
  }

  #ended(reason: string): void {
    if (!this.#isGoing) this.surprise ??= `it was ended: ${reason}`;
    for (const { answered } of this.#pending.splice(0)) answered();
  }
}
