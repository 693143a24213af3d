import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { settled, until } from "../support/http-call.ts";
import { LightClient } from "../support/light-client.ts";
import type { TestHubwire } from "../support/start-hubwire.ts";
import { Ledger } from "./ledger.ts";
import { Participant, USERS, USERS_IN_GROUPS } from "./participant.ts";
import type { Random } from "./random.ts";

const SENDERS = 6;
const CHURNERS = 8;
const GROUPS = 20;
/** Long enough for every client that vanished to be given up. */
const ALL_TIMEOUTS_MS = 40_000;
const VERSION = "api-version=2022-06-01";

/** Clients that come, go, join, leave and send at random, while others send to them. */
export class Churn {
  readonly #hubwire: TestHubwire;
  readonly #random: Random;
  readonly #ledger = new Ledger(SENDERS);
  readonly #present = new Set<Participant>();
  readonly #gone: Participant[] = [];

  constructor(hubwire: TestHubwire, random: Random) {
    this.#hubwire = hubwire;
    this.#random = random;
  }

  /** How much there was of everything. */
  toString(): string {
    const sent = this.#ledger.sendings.reduce((sum, { length }) => sum + length, 0);
    return `${sent} messages sent, ${this.#gone.length} clients went, ${this.#present.size} are here`;
  }

  /** Connects clients. */
  async fill(clients: number): Promise<void> {
    for (let user = 0; user < USERS_IN_GROUPS; user++)
      await this.#rest("PUT", `users/u${user}/groups/of-u${user}?`);
    let left = clients;
    const connectSome = async (): Promise<void> => {
      while (left-- > 0) await this.#connectOne();
    };
    await Promise.all(Array.from({ length: 20 }, connectSome));
  }

  /** Lets it all happen, with about as many clients as there are. */
  async run(seconds: number): Promise<void> {
    const clients = this.#present.size;
    const endAt = Date.now() + seconds * 1_000;
    const repeat = async (step: () => Promise<void>): Promise<void> => {
      for (; Date.now() < endAt; await setImmediate()) await step();
    };
    const time = setInterval(() => this.#hubwire.clock.advance(1_000), 1_000);
    await Promise.all([
      ...Array.from({ length: SENDERS }, (_, sender) => repeat(() => this.#send(sender))),
      ...Array.from({ length: CHURNERS }, () => repeat(() => this.#change(clients))),
    ]);
    clearInterval(time);
  }

  /** Asserts that everyone got what it must, and that whoever vanished without a word is given up. */
  async check(): Promise<void> {
    const present = [...this.#present];
    // What comes last comes after everything else.
    await this.#rest("POST", ":send?", '{"target":"fence","arguments":[0,1]}');
    await until(() =>
      present.every((one) => one.surprise !== undefined || (one.fence === 1 && one.isAnswered)),
    );
    const complaints = [...present, ...this.#gone].flatMap((participant) => participant.complaints);
    assert.deepEqual(complaints.slice(0, 10), []);
    for (let passed = 0; passed < ALL_TIMEOUTS_MS; passed += 1_000) {
      this.#hubwire.clock.advance(1_000);
      await settled(this.#hubwire); // who polls has to come back in time
    }
    await until(() => this.#hubwire.node.size.clients === present.length);
  }

  /** Lets all clients go, and asserts that nothing is left of them, also while their hub lives. */
  async empty(): Promise<void> {
    const { node, clock } = this.#hubwire;
    const last = await LightClient.connect(
      this.#hubwire,
      { wire: "eventStream", protocol: "json", userId: undefined },
      { invoked: () => {}, completed: () => {}, ended: () => {} },
    );
    for (const participant of this.#present) participant.go(this.#random.chance(0.5) ? "leave" : "drop");
    await until(() => {
      clock.advance(1_000);
      return node.size.transports === 1;
    });
    assert.partialDeepStrictEqual(node.size, {
      hubs: 1,
      clients: 1,
      groups: 0,
      users: 0,
      sessions: 1,
      connections: 1,
    });
    last.leave();
  }

  /** Changes something about one client. */
  async #change(clients: number): Promise<void> {
    const one = this.#random.of([...this.#present]);
    const dice = this.#random.below(10);
    if (one.isBusy) return;
    if (dice < 5) await this.#joinOrLeave(one);
    else if (dice < 7) await this.#invoke(one);
    else if (this.#present.size < clients) await this.#connectOne();
    else {
      one.go(this.#random.chance(0.5) ? "leave" : "drop");
      this.#present.delete(one);
      this.#gone.push(one);
    }
  }

  async #connectOne(): Promise<void> {
    const participant = new Participant(this.#ledger, this.#random);
    this.#present.add(participant);
    await participant.connect(this.#hubwire, this.#random);
  }

  async #joinOrLeave(participant: Participant): Promise<void> {
    const group = `g${this.#random.below(GROUPS)}`;
    const path = `groups/${group}/connections/${participant.connectionId}?`;
    const { witness } = participant;
    participant.isBusy = true;
    if (witness.isIn(`group ${group}`)) {
      const left = witness.leave(`group ${group}`);
      await this.#rest("DELETE", path);
      left();
    } else {
      const joined = witness.join(`group ${group}`);
      await this.#rest("PUT", path);
      joined();
    }
    participant.isBusy = false;
  }

  /** Waits for the answers, or lets the client go on, and maybe go, without them. */
  async #invoke(participant: Participant): Promise<void> {
    const answers = Array.from({ length: 1 + this.#random.below(5) }, () => participant.invoke());
    if (this.#random.chance(0.1)) return;
    participant.isBusy = true;
    await Promise.all(answers);
    participant.isBusy = false;
  }

  /** Sends one message to someone. */
  async #send(sender: number): Promise<void> {
    const { audience, path, mayExclude } = this.#someAudience();
    const excluded =
      mayExclude && this.#random.chance(0.2) ? [this.#someConnection(), this.#someConnection()] : [];
    const query = excluded.map((id) => `excluded=${id}&`).join("");
    const text = "x".repeat(this.#random.below(200));
    await this.#ledger.send({ sender, audience, excluded }, (number) =>
      this.#rest(
        "POST",
        `${path}:send?${query}`,
        `{"target":"news","arguments":[${sender},${number},"${text}"]}`,
      ),
    );
  }

  #someAudience(): { audience: string; path: string; mayExclude: boolean } {
    if (this.#random.chance(0.05)) return { audience: "all", path: "", mayExclude: true };
    const dice = this.#random.below(10);
    if (dice < 6) {
      const group =
        dice === 0 ? `of-u${this.#random.below(USERS_IN_GROUPS)}` : `g${this.#random.below(GROUPS)}`;
      return { audience: `group ${group}`, path: `groups/${group}/`, mayExclude: true };
    }
    if (dice < 8) {
      const user = `u${this.#random.below(USERS)}`;
      return { audience: `user ${user}`, path: `users/${user}/`, mayExclude: false };
    }
    const connection = this.#someConnection();
    return { audience: `connection ${connection}`, path: `connections/${connection}/`, mayExclude: false };
  }

  #someConnection(): string {
    return this.#random.of([...this.#present]).connectionId || "nobody";
  }

  /** @param path below the hub, with the beginning of a query */
  async #rest(method: string, path: string, body?: string): Promise<void> {
    const response = await this.#hubwire.rest(method, `/api/hubs/chat/${path}${VERSION}`, {
      ...(body !== undefined && { body, headers: { "Content-Type": "application/json" } }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  }
}
