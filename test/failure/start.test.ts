import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createHubwire } from "../../src/app.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { type Outcome, runCommand } from "../support/command.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const folder = mkdtempSync(join(tmpdir(), "hubwire-failure-"));
after(() => rmSync(folder, { recursive: true }));

let folders = 0;

function freshFolder(): string {
  const path = join(folder, `data-${folders++}`);
  mkdirSync(path);
  return path;
}

/** Everything in a folder, byte by byte. */
function contentOf(path: string): Record<string, string> {
  return Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "hex")]));
}

/** A data folder with a membership in it. */
async function usedFolder(): Promise<string> {
  const dataDir = freshFolder();
  await using hubwire = await TestHubwire.start({ dataDir });
  const path = "/api/hubs/chat/users/ann/groups/g?api-version=2022-06-01";
  assert.equal((await hubwire.rest("PUT", path)).status, 200);
  return dataDir;
}

function start(dataDir: string): Promise<Outcome> {
  return runCommand("hubwire", ["start", "--port", "0", "--data-dir", dataDir], { cwd: folder });
}

describe("a port in use", () => {
  async function otherServer(): Promise<{ server: Server; port: number }> {
    const server = createServer((_request, response) => response.end("other")).listen(0, "localhost");
    await once(server, "listening");
    return { server, port: (server.address() as AddressInfo).port };
  }

  test("fails the start, harms who has it, and leaves nothing: the same folder serves elsewhere", async () => {
    const { server, port } = await otherServer();
    await using _other = server;
    const dataDir = await usedFolder();
    const clock = new ManualClock();
    await assert.rejects(createHubwire({ port, dataDir, clock }).start(), { code: "EADDRINUSE" });
    assert.equal(clock.timers, 0);
    assert.equal(await (await fetch(`http://localhost:${port}`)).text(), "other");
    await using _hubwire = await TestHubwire.start({ dataDir });
  });

  test("is told by the command", async () => {
    const { server, port } = await otherServer();
    await using _other = server;
    const args = ["start", "--port", String(port), "--data-dir", freshFolder()];
    const { code, stderr } = await runCommand("hubwire", args, { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, /^hubwire: port \d+ on localhost is already in use\. [^\n]+\n$/);
    assert.equal(await (await fetch(`http://localhost:${port}`)).text(), "other");
  });
});

describe("a data folder", () => {
  test("that another service uses is refused, and that one goes on", async () => {
    const dataDir = freshFolder();
    await using hubwire = await TestHubwire.start({ dataDir });
    await assert.rejects(createHubwire({ dataDir }).start(), StoreError);
    const { code, stderr } = await start(dataDir);
    assert.equal(code, 1);
    assert.match(stderr, /^hubwire: .* is in use by another process\. [^\n]+\n$/);
    const path = "/api/hubs/chat/users/ann/groups/g?api-version=2022-06-01";
    assert.equal((await hubwire.rest("PUT", path)).status, 200);
  });

  test("that cannot be made is refused", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "mine");
    const dataDir = join(file, "data");
    await assert.rejects(createHubwire({ dataDir }).start(), StoreError);
    const { code, stdout, stderr } = await start(dataDir);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^hubwire: The membership store .* Choose another data folder\. [^\n]+\n$/);
    assert.equal(readFileSync(file, "utf8"), "mine");
  });

  test("that this user cannot write is refused, and stays as it is", async () => {
    for (const dataDir of [freshFolder(), await usedFolder()]) {
      const before = contentOf(dataDir);
      chmodSync(folder, 0o755);
      chmodSync(dataDir, 0o555);
      const isRoot = process.getuid?.() === 0; // who may write everywhere
      if (isRoot) process.seteuid?.(65_534);
      try {
        await assert.rejects(createHubwire({ dataDir }).start(), (error) => {
          assert.ok(error instanceof StoreError);
          assert.match(error.message, /Allow this user|Choose another data folder/);
          return true;
        });
      } finally {
        if (isRoot) process.seteuid?.(0);
        chmodSync(dataDir, 0o755);
      }
      assert.deepEqual(contentOf(dataDir), before);
    }
  });

  for (const [is, damage] of [
    ["is no database", () => Buffer.alloc(40_000, "garbage")],
    ["was cut off", (file: Buffer) => file.subarray(0, file.length - 5_000)],
    ["was overwritten", (file: Buffer) => Buffer.concat([file.subarray(0, 4_096), Buffer.alloc(4_096, 7)])],
    ["is one byte", () => Buffer.from("x")],
  ] as const)
    test(`whose store ${is} is refused with what to do, and nothing in it is touched`, async () => {
      const dataDir = await usedFolder();
      const file = join(dataDir, "memberships.db");
      writeFileSync(file, damage(readFileSync(file)));
      const before = contentOf(dataDir);
      await assert.rejects(createHubwire({ dataDir }).start(), (error) => {
        assert.ok(error instanceof StoreError);
        assert.ok(error.message.includes(file));
        assert.match(error.message, /Restore it from a backup, or move it away/);
        return true;
      });
      const { code, stdout, stderr } = await start(dataDir);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^hubwire: The membership store .* Restore it from a backup[^\n]+\n$/);
      assert.deepEqual(contentOf(dataDir), before);
    });
});

describe("the end of a service", () => {
  test("does not wait for connections that never sent anything, nor for refused ones", {
    timeout: 20_000,
  }, async () => {
    const hubwire = await TestHubwire.start();
    using unused = await RawConnection.open(hubwire);
    using refused = await RawConnection.open(hubwire);
    await refused.send("garbage\r\n\r\n");
    await fetch(`${hubwire.url}/api/health`);
    await hubwire.node.stop();
    assert.equal(await unused.answer, "");
    assert.match(await refused.answer, /^HTTP\/1\.1 400 /);
  });
});
