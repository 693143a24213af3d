import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Room } from "../support/room.ts";
import { received, signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const VERSION = "api-version=2022-06-01";
const DAY_MS = 86_400_000;
/** Clients outlive what a test waits. */
const PATIENT = { timeouts: { clientSeconds: 3600 } };

/** Ann comes and goes, while her other connection and bob stay. */
const roles = {
  ann: { userId: "ann" },
  annToo: { userId: "ann", protocol: "messagepack" },
  bob: {},
} as const;

async function add(hubwire: TestHubwire, group: string, ttl = ""): Promise<void> {
  const response = await hubwire.rest("PUT", `/api/hubs/chat/users/ann/groups/${group}?${VERSION}${ttl}`);
  assert.equal(response.status, 200);
}

async function isIn(hubwire: TestHubwire, group: string): Promise<boolean> {
  const response = await hubwire.rest("HEAD", `/api/hubs/chat/users/ann/groups/${group}?${VERSION}`);
  assert.ok(response.status === 200 || response.headers.get("x-ms-error-code") === "Info.User.NotInGroup");
  return response.ok;
}

async function returns(room: Room<keyof typeof roles>): Promise<void> {
  await room.leave("ann");
  await room.fill();
}

test("ttl=0 adds the present connections, and no later one", async () => {
  await using hubwire = await TestHubwire.start();
  await using room = await Room.open(hubwire, roles);
  await add(hubwire, "g", "&ttl=0");
  assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
  await returns(room);
  assert.deepEqual(await room.membersOf("g"), ["annToo"]);
  assert.equal(await isIn(hubwire, "g"), true, "one is still in it");
  await room.leave("annToo");
  assert.equal(await isIn(hubwire, "g"), false);
});

test("ttl=0 leaves a membership that is remembered as it is", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using room = await Room.open(hubwire, roles);
  await add(hubwire, "g", "&ttl=60");
  await add(hubwire, "g", "&ttl=0");
  await returns(room);
  assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
});

test("a positive ttl counts for connections that come within it; its end takes nobody out", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using room = await Room.open(hubwire, roles);
  await add(hubwire, "g", "&ttl=60");
  hubwire.clock.advance(59_000);
  await returns(room);
  assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
  hubwire.clock.advance(1_000);
  assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
  await returns(room);
  assert.deepEqual(await room.membersOf("g"), ["annToo"]);
});

test("adding again begins a new ttl, be it longer or shorter", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using room = await Room.open(hubwire, roles);
  await add(hubwire, "longer", "&ttl=10");
  await add(hubwire, "longer", "&ttl=100");
  await add(hubwire, "shorter", "&ttl=100");
  await add(hubwire, "shorter", "&ttl=10");
  hubwire.clock.advance(50_000);
  await returns(room);
  assert.deepEqual(await room.membersOf("longer"), ["ann", "annToo"]);
  assert.deepEqual(await room.membersOf("shorter"), ["annToo"]);
});

test("without a ttl a user is remembered for a year", async () => {
  await using hubwire = await TestHubwire.start();
  await add(hubwire, "g");
  hubwire.clock.skip(365 * DAY_MS - 1);
  {
    await using room = await Room.open(hubwire, roles);
    assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
  }
  hubwire.clock.skip(1);
  await using room = await Room.open(hubwire, roles);
  assert.deepEqual(await room.membersOf("g"), []);
});

test("without a ttl the 100 last updated groups are remembered, besides those with one", async () => {
  await using hubwire = await TestHubwire.start();
  await add(hubwire, "timed", "&ttl=1000");
  for (let index = 0; index <= 100; index++) {
    await add(hubwire, `g${index}`);
    hubwire.clock.advance(1);
    if (index === 50) await add(hubwire, "g0");
  }
  await using room = await Room.open(hubwire, roles);
  const annAndToo = ["ann", "annToo"];
  assert.deepEqual(await room.membersOf("g1"), []);
  for (const group of ["g0", "g2", "g100", "timed"])
    assert.deepEqual(await room.membersOf(group), annAndToo, group);
});

test("a client that reconnects by itself is back in its user's groups, and in no group of its lost connection", async () => {
  await using hubwire = await TestHubwire.start();
  const client = signalrClient(hubwire, { userId: "ann", automaticReconnect: true });
  await client.start();
  const lost = client.connectionId ?? "";
  await add(hubwire, "users");
  await hubwire.rest("PUT", `/api/hubs/chat/groups/connections/connections/${lost}?${VERSION}`);
  const reconnected = new Promise((resolve) => client.onreconnected(resolve));
  await hubwire.rest("DELETE", `/api/hubs/chat/connections/${lost}?${VERSION}`);
  assert.notEqual(await reconnected, lost);
  const calls = received(client, "news", 2);
  await hubwire.send("groups/connections/", "news", ["not for it"]);
  await hubwire.send("groups/users/", "news", [1]);
  await hubwire.send("", "news", [2]);
  assert.deepEqual(await calls, [[1], [2]]);
  await client.stop();
});

test("memberships in a data folder outlive the service", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "hubwire-rest-"));
  try {
    {
      await using hubwire = await TestHubwire.start({ dataDir });
      await add(hubwire, "kept");
      await add(hubwire, "removed");
      const path = `/api/hubs/chat/users/ann/groups/removed?${VERSION}`;
      assert.equal((await hubwire.rest("DELETE", path)).status, 204);
    }
    await using hubwire = await TestHubwire.start({ dataDir });
    await using room = await Room.open(hubwire, roles);
    assert.deepEqual(await room.membersOf("kept"), ["ann", "annToo"]);
    assert.deepEqual(await room.membersOf("removed"), []);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
