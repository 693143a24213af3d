import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import type { Membership } from "../core/ports.ts";
import { testMembershipStore } from "./membership-store.contract.ts";
import { openSqliteMembershipStore } from "./sqlite-membership-store.ts";
import { StoreError } from "./store-error.ts";

const NOW = Date.UTC(2026, 10, 5);
const folder = mkdtempSync(join(tmpdir(), "hubwire-store-"));
after(() => rmSync(folder, { recursive: true }));

const MODULE = import.meta.resolve("./sqlite-membership-store.ts");

let count = 0;
const newPath = (): string => join(folder, `data${++count}`, "memberships.sqlite");
const member = (group: string): Membership => ({ hub: "chat", userId: "u", group });

testMembershipStore("SqliteMembershipStore", () => openSqliteMembershipStore(newPath()));

/** A process that opens the store and then runs `script` with `store`, `member`, `NOW` and `say(line)` at hand. */
function otherProcess(path: string, script: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const code = `
    import { writeSync } from "node:fs";
    import { openSqliteMembershipStore } from ${JSON.stringify(MODULE)};
    const NOW = ${NOW};
    const member = (group) => ({ hub: "chat", userId: "u", group });
    const say = (line) => writeSync(1, line + "\\n");
    const store = openSqliteMembershipStore(${JSON.stringify(path)});
    setInterval(() => {}, 1e9);
    ${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.ok(child.stdout);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function pathWith(groups: readonly string[]): Promise<string> {
  const path = newPath();
  await using store = openSqliteMembershipStore(path);
  for (const group of groups) await store.add(member(group), 60, NOW);
  return path;
}

/** Asserts that opening fails with this message and that no byte of the folder has changed, but for SQLite's shared memory. */
function assertRefused(path: string, message: RegExp): void {
  const contents = (): string[] =>
    readdirSync(join(path, ".."), { withFileTypes: true })
      .filter((entry) => !entry.name.endsWith("-shm"))
      .map(
        (entry) =>
          entry.name + (entry.isFile() ? hash("sha256", readFileSync(join(path, "..", entry.name))) : "/"),
      );
  const before = contents();
  assert.throws(
    () => openSqliteMembershipStore(path),
    (error) => {
      assert.ok(error instanceof StoreError, String(error));
      assert.ok(error.message.includes(path), error.message);
      assert.match(error.message, message);
      return true;
    },
  );
  assert.deepEqual(contents(), before);
}

describe("SqliteMembershipStore lasts", () => {
  test("from one process to the next", async () => {
    const path = await pathWith(["g", "h"]);
    assert.deepEqual(readdirSync(join(path, "..")), ["memberships.sqlite"]);
    await using store = openSqliteMembershipStore(path);
    assert.deepEqual((await store.groupsOf("chat", "u", NOW)).sort(), ["g", "h"]);
  });

  test("when the process is killed at any time: all that was added is there", async () => {
    const path = newPath();
    const script =
      "for (let n = 0; ; n++) { await store.add(member('g' + n), n % 2 ? 60 : 'none', NOW); say(n); }";
    const { child, lines } = otherProcess(path, script);
    let added = -1;
    for (let n = 0; n < 150; n++) added = Number((await lines.next()).value);
    await kill(child);
    for (let line = await lines.next(); !line.done; line = await lines.next()) added = Number(line.value);

    await using store = openSqliteMembershipStore(path);
    for (let n = 0; n <= added; n++)
      if (n % 2 === 1 || n > added - 198)
        assert.equal(await store.has(member(`g${n}`), NOW), true, `g${n} of ${added}`);
  });

  test("when the process is killed: what was removed stays removed", async () => {
    const path = await pathWith(["g", "h"]);
    const { child, lines } = otherProcess(path, "await store.remove(member('g')); say('removed');");
    assert.equal((await lines.next()).value, "removed");
    await kill(child);
    await using store = openSqliteMembershipStore(path);
    assert.deepEqual(await store.groupsOf("chat", "u", NOW), ["h"]);
  });

  test("when it is killed again and again", async () => {
    const path = newPath();
    for (const group of ["a", "b", "c"]) {
      const { child, lines } = otherProcess(
        path,
        `await store.add(member("${group}"), 60, NOW); say("added");`,
      );
      await lines.next();
      await kill(child);
    }
    await using store = openSqliteMembershipStore(path);
    assert.deepEqual((await store.groupsOf("chat", "u", NOW)).sort(), ["a", "b", "c"]);
  });

  test("when the very first start was killed before there was a table", async () => {
    const path = newPath();
    mkdirSync(join(path, ".."));
    using database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = OFF; PRAGMA journal_mode = WAL");
    database.close();
    await using store = openSqliteMembershipStore(path);
    await store.add(member("g"), 60, NOW);
    assert.equal(await store.has(member("g"), NOW), true);
  });

  test("with a file that was created empty", async () => {
    const path = newPath();
    mkdirSync(join(path, ".."));
    writeFileSync(path, "");
    await using store = openSqliteMembershipStore(path);
    assert.deepEqual(await store.groupsOf("chat", "u", NOW), []);
  });
});

describe("SqliteMembershipStore is refused, and left as it is,", () => {
  test("while another process has it, until that is gone", async () => {
    const path = newPath();
    const { child, lines } = otherProcess(path, "await store.add(member('g'), 60, NOW); say('open');");
    assert.equal((await lines.next()).value, "open");
    assertRefused(path, /in use by another process\. Stop that process/);
    await kill(child);
    await using store = openSqliteMembershipStore(path);
    assert.equal(await store.has(member("g"), NOW), true);
  });

  test("while another process has it that has written nothing yet", async () => {
    const path = await pathWith(["g"]);
    const { child, lines } = otherProcess(path, "say('open');");
    assert.equal((await lines.next()).value, "open");
    assert.notEqual(readFileSync(`${path}-wal`).length, 0);
    assertRefused(path, /in use by another process/);
    await kill(child);
  });

  test("while this process has it, which keeps other processes out", async () => {
    const path = await pathWith(["g"]);
    await using store = openSqliteMembershipStore(path);
    assert.throws(() => openSqliteMembershipStore(path), { name: "StoreError", message: /in use/ });
    const code = `import { openSqliteMembershipStore } from ${JSON.stringify(MODULE)};
      try { openSqliteMembershipStore(${JSON.stringify(path)}); } catch (error) { console.log(error.message); }`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    assert.match(stdout, /in use by another process/);
    await store.add(member("h"), 60, NOW);
  });

  for (const [what, content] of [
    ["text", "hubs: [chat]\n"],
    ["binary garbage", Buffer.alloc(20_000, 0xa5)],
    ["one byte", "S"],
    [
      "garbage after SQLite's first words",
      Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(8192, 7)]),
    ],
  ] as const)
    test(`when the file is ${what}`, () => {
      const path = newPath();
      mkdirSync(join(path, ".."));
      writeFileSync(path, content);
      assertRefused(
        path,
        /is damaged( or no membership store|.*only \d+ bytes.*)\. Restore it from a backup, or move it away/,
      );
    });

  test("when the file was truncated", async () => {
    const path = await pathWith(Array.from({ length: 500 }, (_, n) => `group ${n}`));
    truncateSync(path, 12_288);
    assertRefused(path, /is damaged/);
  });

  test("when a page of the file was overwritten", async () => {
    const path = await pathWith(Array.from({ length: 500 }, (_, n) => `group ${n}`));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, bytes.length - 4096));
    assertRefused(path, /is damaged/);
  });

  test("when the file was damaged after a kill, with its log beside it", async () => {
    const path = await pathWith(Array.from({ length: 500 }, (_, n) => `group ${n}`));
    const { child, lines } = otherProcess(path, "await store.add(member('new'), 60, NOW); say('added');");
    await lines.next();
    await kill(child);
    assert.ok(existsSync(`${path}-wal`));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 4096));
    assertRefused(path, /is damaged/);
  });

  for (const lost of ["deleted", "emptied"])
    test(`when the file was ${lost} after a kill, with its log beside it`, async () => {
      const path = newPath();
      const { child, lines } = otherProcess(path, "await store.add(member('g'), 60, NOW); say('added');");
      await lines.next();
      await kill(child);
      if (lost === "deleted") rmSync(path);
      else truncateSync(path);
      assertRefused(path, /is missing or empty, but its log .*-wal is there/);
    });

  test("when it is the database of another program", () => {
    const path = newPath();
    mkdirSync(join(path, ".."));
    using database = new DatabaseSync(path);
    database.exec("CREATE TABLE membership (id)");
    database.close();
    assertRefused(path, /is a database of another program/);
  });

  test("when a newer Hubwire wrote it", async () => {
    const path = await pathWith(["g"]);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 2");
    database.close();
    assertRefused(path, /has schema version 2, this Hubwire knows 1\. Start the Hubwire that wrote it/);
  });

  test("when a folder is in its place", () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    assertRefused(path, /is not a file/);
  });

  test("when a file is in the place of its folder", () => {
    const path = newPath();
    writeFileSync(join(path, ".."), "");
    assert.throws(() => openSqliteMembershipStore(path), {
      name: "StoreError",
      message: /cannot be opened \(EEXIST: file already exists/,
    });
  });

  test("when the file cannot be written", async () => {
    const path = await pathWith(["g"]);
    chmodSync(path, 0o444);
    asUnprivileged(() => assertRefused(path, /cannot be (locked|written|opened)\. Allow this user/));
  });

  test("when the folder cannot be written, with and without the file", async () => {
    const path = await pathWith(["g"]);
    chmodSync(path, 0o666);
    chmodSync(join(path, ".."), 0o555);
    asUnprivileged(() => assertRefused(path, /cannot be (locked|written|opened)\. Allow this user/));
    asUnprivileged(() =>
      assertRefused(join(path, "..", "other.sqlite"), /cannot be opened\. Allow this user/),
    );
  });

  test("when the folder cannot be created", () => {
    const path = newPath();
    const parent = join(path, "..");
    mkdirSync(parent);
    chmodSync(parent, 0o555);
    const inside = join(parent, "x", "memberships.sqlite");
    asUnprivileged(() =>
      assert.throws(() => openSqliteMembershipStore(inside), {
        name: "StoreError",
        message: /cannot be opened \(EACCES/,
      }),
    );
  });
});

/** Runs `use` without the rights of root, for which no file is read-only. */
function asUnprivileged(use: () => void): void {
  if (process.getuid?.() !== 0) return use();
  chmodSync(folder, 0o755);
  process.setegid?.(65_534);
  process.seteuid?.(65_534);
  try {
    use();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
