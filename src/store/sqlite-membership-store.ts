import type { DatabaseSync } from "node:sqlite";
import type { Membership, MembershipStore } from "../core/ports.ts";
import { expiryMs, MAX_EXPIRED_AT_ONCE, MAX_UNTIMED } from "./membership-lifetime.ts";
import { openDatabase } from "./sqlite-database.ts";
import { usingStore } from "./store-error.ts";

/**
 * Opens the store of memberships in the SQLite file at `path`; creates it, and its folder, where there is none.
 * The file is locked until the store is disposed: one process at a time.
 * @throws {StoreError} when the file is damaged, foreign, newer, not writable or in use; it is then left as it is
 */
export function openSqliteMembershipStore(path: string): MembershipStore {
  return new SqliteMembershipStore(path, openDatabase(path));
}

/**
 * Memberships in SQLite. What resolves has been handed to the operating system (write-ahead log, `synchronous=NORMAL`): it
 * outlives the process however that ends; after a power failure the last moments may be missing, never more.
 */
class SqliteMembershipStore implements MembershipStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Hubs that may have memberships: clients of all others need not ask the database when they connect. */
  readonly #hubs: Set<string>;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#hubs = new Set(this.#statements.hubs.all().map((row) => restored(row["hub"])));
  }

  async add({ hub, userId, group }: Membership, ttlSeconds: number | "none", nowMs: number): Promise<void> {
    const { put, keepLatest } = this.#statements;
    const row = [stored(hub), stored(userId), stored(group), expiryMs(ttlSeconds, nowMs)];
    this.#hubs.add(hub);
    this.#run(() => {
      if (ttlSeconds !== "none") return void put.run(...row, 1);
      this.#inTransaction(() => {
        put.run(...row, 0);
        keepLatest.run(stored(hub), stored(userId), MAX_UNTIMED);
      });
    });
  }

  async remove({ hub, userId, group }: Membership): Promise<void> {
    this.#run(() => this.#statements.remove.run(stored(hub), stored(userId), stored(group)));
  }

  async removeAll(hub: string, userId: string): Promise<void> {
    this.#run(() => this.#statements.removeAll.run(stored(hub), stored(userId)));
  }

  async has({ hub, userId, group }: Membership, nowMs: number): Promise<boolean> {
    const { has } = this.#statements;
    return this.#run(() => has.get(stored(hub), stored(userId), stored(group), nowMs) !== undefined);
  }

  async groupsOf(hub: string, userId: string, nowMs: number): Promise<string[]> {
    if (!this.#hubs.has(hub)) return [];
    const rows = this.#run(() => this.#statements.groupsOf.all(stored(hub), stored(userId), nowMs));
    return rows.map((row) => restored(row["group_name"]));
  }

  async expire(nowMs: number): Promise<number> {
    return Number(this.#run(() => this.#statements.expire.run(nowMs, MAX_EXPIRED_AT_ONCE)).changes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#database.isOpen) this.#run(() => this.#database.close());
  }

  #inTransaction(write: () => void): void {
    this.#statements.begin.run();
    try {
      write();
      this.#statements.commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#statements.rollback.run();
      throw error;
    }
  }

  #run<T>(use: () => T): T {
    return usingStore(this.#path, use);
  }
}

function prepareStatements(database: DatabaseSync) {
  return {
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    rollback: database.prepare("ROLLBACK"),
    // REPLACE gives the row a new id, higher than any other: ids are in the order of the last update.
    put: database.prepare(
      "REPLACE INTO membership (hub, user_id, group_name, expires_at, is_timed) VALUES (?, ?, ?, ?, ?)",
    ),
    keepLatest: database.prepare(
      `DELETE FROM membership WHERE id IN (
         SELECT id FROM membership WHERE hub = ? AND user_id = ? AND is_timed = 0 ORDER BY id DESC LIMIT -1 OFFSET ?)`,
    ),
    remove: database.prepare("DELETE FROM membership WHERE hub = ? AND user_id = ? AND group_name = ?"),
    removeAll: database.prepare("DELETE FROM membership WHERE hub = ? AND user_id = ?"),
    has: database.prepare(
      "SELECT 1 FROM membership WHERE hub = ? AND user_id = ? AND group_name = ? AND expires_at > ?",
    ),
    groupsOf: database.prepare(
      "SELECT group_name FROM membership WHERE hub = ? AND user_id = ? AND expires_at > ?",
    ),
    // Jumps from hub to hub along the index: the time is that of the hubs, not of the memberships.
    hubs: database.prepare(
      `WITH RECURSIVE found(hub) AS (
         SELECT min(hub) FROM membership
         UNION ALL SELECT (SELECT min(hub) FROM membership WHERE hub > found.hub) FROM found WHERE found.hub IS NOT NULL)
       SELECT hub FROM found WHERE hub IS NOT NULL`,
    ),
    expire: database.prepare(
      "DELETE FROM membership WHERE id IN (SELECT id FROM membership WHERE expires_at <= ? LIMIT ?)",
    ),
  };
}

/** Text as it is; one with half a surrogate pair, which UTF-8 does not have, as its UTF-16 bytes: SQLite keeps both apart. */
function stored(text: string): string | Uint8Array {
  return text.isWellFormed() ? text : Buffer.from(text, "utf16le");
}

function restored(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf16le") : String(value);
}
