/*
 * How the SQLite membership store behaves with a million rows, beside the same with a thousand:
 *
 *     npm exec -- node bench/memberships.ts [rows]
 *
 * Every write is a commit of its own, as it is in the service; one in some hundreds also moves the log into the file.
 * Opening reads the whole file, so that it takes longer the larger that is. Ends within a minute on two cores.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Membership, MembershipStore } from "../src/core/ports.ts";
import { openSqliteMembershipStore } from "../src/store/sqlite-membership-store.ts";

const SMALL = 1_000;
const LARGE = Number(process.argv[2] ?? 1_000_000);
const GROUPS_PER_USER = 10;
const CALLS = 10_000;
const EXPIRED = 5_000;
const EXPIRED_AT_ONCE = 200;
const NOW = Date.now();
const HOUR_S = 3_600;

type Latencies = Record<string, number[]>;

const folder = mkdtempSync(join(tmpdir(), "hubwire-memberships-"));
try {
  const small = await measure(SMALL);
  const large = await measure(LARGE);
  report(small, large);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(rows: number): Promise<Latencies> {
  const path = join(folder, `${rows}.sqlite`);
  await load(path, rows);
  console.log(`${rows.toLocaleString("en")} rows: ${(statSync(path).size / 1e6).toFixed(1)} MB`);
  const users = rows / GROUPS_PER_USER;
  const any = (): Membership =>
    member(Math.floor(Math.random() * users), Math.floor(Math.random() * GROUPS_PER_USER));
  const added = (n: number): Membership => ({ ...member((n * 7_919) % users, 0), group: `new ${n}` });

  const openedAt = performance.now();
  await using store = openSqliteMembershipStore(path);
  const latencies: Latencies = { "open (with check)": [(performance.now() - openedAt) * 1000] };
  latencies["has"] = await time(CALLS, () => store.has(any(), NOW));
  latencies["groupsOf"] = await time(CALLS, () => store.groupsOf("chat", any().userId, NOW));
  latencies["add, renewing"] = await time(CALLS, () => store.add(any(), HOUR_S, NOW));
  latencies["add, new"] = await time(CALLS, (n) => store.add(added(n), HOUR_S, NOW));
  latencies["add, new, no ttl"] = await time(CALLS, (n) =>
    store.add({ ...any(), group: `kept ${n}` }, "none", NOW),
  );
  latencies["remove"] = await time(CALLS, (n) => store.remove(added(n)));
  latencies["expire, none due"] = await time(100, () => store.expire(NOW));
  latencies["expire, 200 due"] = await time(EXPIRED / EXPIRED_AT_ONCE, () => expireBatch(store));
  return latencies;
}

async function expireBatch(store: MembershipStore): Promise<void> {
  const deleted = await store.expire(NOW + 1_000);
  if (deleted !== EXPIRED_AT_ONCE) throw new Error(`${deleted} memberships were deleted at once`);
}

/** Fills the file by SQL in one transaction; the store itself commits each membership. */
async function load(path: string, rows: number): Promise<void> {
  await openSqliteMembershipStore(path)[Symbol.asyncDispose]();
  using database = new DatabaseSync(path);
  const insert = database.prepare(
    "INSERT INTO membership (hub, user_id, group_name, expires_at, is_timed) VALUES (?, ?, ?, ?, 1)",
  );
  const put = ({ hub, userId, group }: Membership, expiresAtMs: number): unknown =>
    insert.run(hub, userId, group, expiresAtMs);
  database.exec("BEGIN");
  for (let n = 0; n < rows; n++)
    put(member(Math.floor(n / GROUPS_PER_USER), n % GROUPS_PER_USER), NOW + HOUR_S * 1000 + (n % 100_000));
  for (let n = 0; n < EXPIRED; n++) put({ ...member(n, 0), group: "soon over" }, NOW + 1_000);
  database.exec("COMMIT");
}

function member(user: number, group: number): Membership {
  // Scattered, as ids are: neighbours in time are no neighbours in the index.
  return { hub: "chat", userId: `user-${(user * 2_654_435_761) % 4_294_967_296}`, group: `group ${group}` };
}

/** Microseconds of each call. */
async function time(calls: number, call: (n: number) => Promise<unknown>): Promise<number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < calls; n++) {
    const start = performance.now();
    await call(n);
    latencies.push((performance.now() - start) * 1000);
  }
  return latencies.sort((a, b) => a - b);
}

function report(small: Latencies, large: Latencies): void {
  const at = (sorted: readonly number[], part: number): number =>
    sorted[Math.floor(sorted.length * part)] ?? 0;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const table = Object.entries(large).map(([operation, ofLarge]) => {
    const ofSmall = small[operation] ?? [];
    return {
      operation,
      "p50 µs": Math.round(at(ofLarge, 0.5)),
      "p99 µs": Math.round(at(ofLarge, 0.99)),
      "mean µs": Math.round(mean(ofLarge)),
      "max µs": Math.round(at(ofLarge, 0.999999)),
      [`p50 ÷ ${SMALL} rows`]: Number((at(ofLarge, 0.5) / at(ofSmall, 0.5)).toFixed(1)),
      [`p99 ÷ ${SMALL} rows`]: Number((at(ofLarge, 0.99) / at(ofSmall, 0.99)).toFixed(1)),
      [`p50 of ${SMALL}`]: Math.round(at(ofSmall, 0.5)),
      [`p99 of ${SMALL}`]: Math.round(at(ofSmall, 0.99)),
    };
  });
  console.table(Object.fromEntries(table.map(({ operation, ...numbers }) => [operation, numbers])));
}
