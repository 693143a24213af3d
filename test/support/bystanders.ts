import assert from "node:assert/strict";
import type { HubwireSize } from "../../src/app.ts";
import { call, settled, until } from "./http-call.ts";
import { Room } from "./room.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** How `TestHubwire.start` must be told for bystanders: they stay whatever time a test lets pass. */
export const PATIENT = { timeouts: { clientSeconds: 86_400, pollSeconds: 86_400 } } as const;

const roles = {
  webSocket: { userId: "bystander" },
  binary: { userId: "bystander", protocol: "messagepack" },
  eventStream: { transport: "ServerSentEvents" },
  longPolling: { transport: "LongPolling" },
} as const;

/** Good clients, one per transport, who must not notice anything of what others do wrong. */
export class Bystanders implements AsyncDisposable {
  readonly #hubwire: TestHubwire;
  readonly #room: Room<keyof typeof roles>;
  readonly #size: HubwireSize;
  readonly #timers: number;

  private constructor(hubwire: TestHubwire, room: Room<keyof typeof roles>) {
    this.#hubwire = hubwire;
    this.#room = room;
    this.#size = hubwire.node.size;
    this.#timers = hubwire.clock.timers;
  }

  /** Connects them to the hub `chat`; some are of the user `bystander` and in the group `bystanders`. */
  static async join(hubwire: TestHubwire): Promise<Bystanders> {
    const room = await Room.open(hubwire, roles);
    await room.rest("PUT", "users/bystander/groups/bystanders");
    return new Bystanders(hubwire, room);
  }

  /** Asserts that they are connected, served and in their groups as ever, and were sent nothing. */
  async served(): Promise<void> {
    assert.deepEqual(await this.#room.news(), {});
    await this.#hubwire.send("", "say", [1]);
    assert.deepEqual(Object.keys(await this.#room.news()), Object.keys(roles));
    assert.deepEqual(await this.#room.membersOf("bystanders"), ["webSocket", "binary"]);
    assert.equal((await call(this.#hubwire, "GET", "/api/health")).status, 200);
  }

  /** As `served`, and that the node holds what it held when they had joined: nothing of whoever did wrong is left. */
  async alone(): Promise<void> {
    await this.served();
    await settled(this.#hubwire);
    this.#hubwire.clock.advance(1_000);
    await until(() => JSON.stringify(this.#hubwire.node.size) === JSON.stringify(this.#size)).catch(() => {});
    assert.deepEqual(this.#hubwire.node.size, this.#size);
    assert.equal(this.#hubwire.clock.timers, this.#timers);
    const faults = this.#hubwire.events.filter(
      ({ name }) => name === "rest.failed" || name === "store.failed",
    );
    assert.deepEqual(faults, []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#room[Symbol.asyncDispose]();
  }
}
