import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { emptied, settled, until } from "../support/http-call.ts";
import { LightClient } from "../support/light-client.ts";
import type { WireName } from "../support/light-wires.ts";
import { heldBytes } from "../support/memory.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { Ledger, Witness } from "./ledger.ts";
import { Random } from "./random.ts";

const SECONDS = Number(process.env["HUBWIRE_SOAK_SECONDS"] ?? 10);
const SEED = Number(process.env["HUBWIRE_SOAK_SEED"] ?? Date.now() % 1_000_000);

const CLIENTS = 1_000;
const SENDERS = 6;
const CHURNERS = 8;
const GROUPS = 20;
const USERS = 50;
/** The users from 0 to here are in a group as users, each. */
const USERS_IN_GROUPS = 20;
/** Long enough for every client that vanished to be given up. */
const ALL_TIMEOUTS_MS = 40_000;
/** What may be left of all that: code and pools. */
const BYTES_LEFT = 20_000_000;
/** Of twenty clients. */
const WIRES: readonly WireName[] = [
  ...Array.from({ length: 17 }, () => "webSocket" as const),
  "eventStream",
  "eventStream",
  "longPolling",
];
const VERSION = "api-version=2022-06-01";

/** One client of the soak with what it got. */
class Participant {
  readonly witness: Witness;
  readonly userId: string | undefined;
  /** Whether something is under way with it. */
  isBusy = true;
  /** What the service ended it for, unasked. */
  surprise: string | undefined;
  /** What it invoked and is not answered yet. */
  readonly invoked: { readonly number: number; readonly answered: () => void }[] = [];
  readonly #audiences: readonly string[];
  #client: LightClient | undefined;
  #invocations = 0;
  #isGoing = false;
  #fence = 0;

  constructor(ledger: Ledger, random: Random) {
    this.witness = new Witness(ledger);
    this.userId = random.chance(0.6) ? `u${random.below(USERS)}` : undefined;
    const user = Number(this.userId?.slice(1));
    this.#audiences = [
      "all",
      ...(this.userId === undefined ? [] : [`user ${this.userId}`]),
      ...(user < USERS_IN_GROUPS ? [`group of-${this.userId}`] : []),
    ];
  }

  get connectionId(): string {
    return this.#client?.connectionId ?? "";
  }

  get fence(): number {
    return this.#fence;
  }

  async connect(hubwire: TestHubwire, random: Random): Promise<void> {
    const wire = random.of(WIRES);
    const protocol = wire === "eventStream" || random.chance(0.5) ? "json" : "messagepack";
    const joined = this.#audiences.map((audience) => this.witness.join(audience));
    this.#client = await LightClient.connect(
      hubwire,
      { wire, protocol, userId: this.userId },
      {
        invoked: (target, [sender, number]) => {
          if (target === "fence") this.#fence = Number(number);
          else this.witness.received(Number(sender), Number(number));
        },
        completed: (id) => {
          const next = this.invoked.shift();
          if (next?.number !== Number(id)) this.surprise ??= `answer ${id} is not the next one`;
          next?.answered();
        },
        ended: (reason) => {
          if (!this.#isGoing) this.surprise ??= reason;
        },
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
      this.invoked.push({ number, answered });
      this.#client?.invoke("Echo", String(number));
    });
  }

  go(how: "leave" | "drop"): void {
    this.isBusy = true;
    this.#isGoing = true;
    this.witness.goes();
    this.#client?.[how]();
  }
}

test(`${CLIENTS} clients that join, leave, send and drop at random for ${SECONDS} seconds miss nothing and leave nothing`, {
  timeout: (SECONDS + 120) * 1_000,
}, async (t) => {
  t.diagnostic(`HUBWIRE_SOAK_SEED=${SEED}`);
  const random = new Random(SEED);
  await using hubwire = await TestHubwire.start();
  await hubwire.send("", "warm up", []);
  const before = await heldBytes();
  t.diagnostic(await soak(hubwire, random));
  await emptied(hubwire);
  hubwire.events.length = 0; // ours, not the service's
  assert.equal(hubwire.clock.timers, 2);
  const left = (await heldBytes()).own - before.own;
  t.diagnostic(`${left} bytes left`);
  assert.ok(left < BYTES_LEFT, `${left} bytes left`);
});

/** Everything, from the first client to the last; resolves to what there was of it, in words. */
async function soak(hubwire: TestHubwire, random: Random): Promise<string> {
  const ledger = new Ledger(SENDERS);
  const present = new Set<Participant>();
  const gone: Participant[] = [];
  let endAt = 0;
  const goesOn = (): boolean => Date.now() < endAt;

  const rest = async (method: string, path: string, body?: string): Promise<void> => {
    const response = await hubwire.rest(method, `/api/hubs/chat/${path}${VERSION}`, {
      ...(body !== undefined && { body, headers: { "Content-Type": "application/json" } }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  };

  const connectOne = async (): Promise<void> => {
    const participant = new Participant(ledger, random);
    present.add(participant);
    await participant.connect(hubwire, random);
  };

  const idle = (): Participant | undefined => {
    for (let tries = 0; tries < 20; tries++) {
      const one = random.of([...present]);
      if (!one.isBusy) return one;
    }
    return undefined;
  };

  const joinOrLeave = async (participant: Participant): Promise<void> => {
    const group = `g${random.below(GROUPS)}`;
    const path = `groups/${group}/connections/${participant.connectionId}?`;
    const { witness } = participant;
    participant.isBusy = true;
    if (witness.isIn(`group ${group}`)) {
      const left = witness.leave(`group ${group}`);
      await rest("DELETE", path);
      left();
    } else {
      const joined = witness.join(`group ${group}`);
      await rest("PUT", path);
      joined();
    }
    participant.isBusy = false;
  };

  /** Waits for the answers, or lets the client go on, and maybe go, without them. */
  const invoke = async (participant: Participant): Promise<void> => {
    const answers = Array.from({ length: 1 + random.below(5) }, () => participant.invoke());
    if (random.chance(0.1)) return;
    participant.isBusy = true;
    await Promise.all(answers);
    participant.isBusy = false;
  };

  const churn = async (): Promise<void> => {
    for (; goesOn(); await setImmediate()) {
      const one = idle();
      const dice = random.below(10);
      if (one === undefined) continue;
      if (dice < 5) await joinOrLeave(one);
      else if (dice < 7) await invoke(one);
      else if (present.size < CLIENTS) await connectOne();
      else {
        one.go(random.chance(0.5) ? "leave" : "drop");
        present.delete(one);
        gone.push(one);
      }
    }
  };

  const send = async (sender: number): Promise<void> => {
    for (; goesOn(); await setImmediate()) {
      const { audience, path } = someAudience(random, present);
      const excluded = random.chance(0.2) ? [random.of([...present]), random.of([...present])] : [];
      const ids =
        path.includes("groups/") || path === ":send?" ? excluded.map((each) => each.connectionId) : [];
      const query = ids.map((id) => `excluded=${id}&`).join("");
      await ledger.send(sender, audience, ids, (number) =>
        rest(
          "POST",
          `${path}${query}`,
          JSON.stringify({ target: "news", arguments: [sender, number, "x".repeat(random.below(200))] }),
        ),
      );
    }
  };

  for (let user = 0; user < USERS_IN_GROUPS; user++) await rest("PUT", `users/u${user}/groups/of-u${user}?`);
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let left = CLIENTS / 20; left > 0; left--) await connectOne();
    }),
  );
  endAt = Date.now() + SECONDS * 1_000;
  const time = setInterval(() => hubwire.clock.advance(1_000), 1_000);
  await Promise.all([
    ...Array.from({ length: SENDERS }, (_, sender) => send(sender)),
    ...Array.from({ length: CHURNERS }, churn),
  ]);
  clearInterval(time);

  // Those who are still here get one last message, and with it everything before.
  await rest("POST", ":send?", '{"target":"fence","arguments":[0,1]}');
  await until(() =>
    [...present].every(({ fence, invoked, surprise }) => surprise ?? (fence === 1 && invoked.length === 0)),
  );
  // Those who vanished without a word are given up meanwhile; who polls comes back in time.
  for (let passed = 0; passed < ALL_TIMEOUTS_MS; passed += 1_000) {
    hubwire.clock.advance(1_000);
    await settled(hubwire);
  }
  await until(() => hubwire.node.size.clients === present.size);

  const complaints = [...present, ...gone].flatMap((participant) =>
    [
      ...participant.witness.complaints(),
      ...(participant.surprise === undefined ? [] : [participant.surprise]),
    ].map((complaint) => `${participant.connectionId}: ${complaint}`),
  );
  assert.deepEqual(complaints.slice(0, 10), []);
  const sent = ledger.sendings.reduce((sum, sendings) => sum + sendings.length, 0);
  const tally = `${sent} messages sent, ${gone.length} clients went, ${present.size} stayed`;

  // One who is in no group and no user's keeps the hub, so that it shows what is left in it.
  const last = await LightClient.connect(
    hubwire,
    { wire: "eventStream", protocol: "json", userId: undefined },
    { invoked: () => {}, completed: () => {}, ended: () => {} },
  );
  for (const participant of present) participant.go(random.chance(0.5) ? "leave" : "drop");
  await until(() => {
    hubwire.clock.advance(1_000);
    return hubwire.node.size.transports === 1;
  });
  const { hubs, clients, groups, users, sessions, connections } = hubwire.node.size;
  assert.deepEqual(
    { hubs, clients, groups, users, sessions, connections },
    { hubs: 1, clients: 1, groups: 0, users: 0, sessions: 1, connections: 1 },
  );
  last.leave();
  return tally;
}

function someAudience(random: Random, present: ReadonlySet<Participant>): { audience: string; path: string } {
  const dice = random.below(10);
  if (random.chance(0.05)) return { audience: "all", path: ":send?" };
  if (dice < 5) {
    const group = `g${random.below(GROUPS)}`;
    return { audience: `group ${group}`, path: `groups/${group}/:send?` };
  }
  if (dice < 6) {
    const group = `of-u${random.below(USERS_IN_GROUPS)}`;
    return { audience: `group ${group}`, path: `groups/${group}/:send?` };
  }
  if (dice < 8) {
    const user = `u${random.below(USERS)}`;
    return { audience: `user ${user}`, path: `users/${user}/:send?` };
  }
  const { connectionId } = random.of([...present]);
  return { audience: `connection ${connectionId}`, path: `connections/${connectionId || "none"}/:send?` };
}
