import { mkdirSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { StoreError, usingStore } from "./store-error.ts";

/** "HwMs" in ASCII marks the file as ours, https://sqlite.org/fileformat.html#application_id. */
const APPLICATION_ID = 0x48774d73;
const SCHEMA_VERSION = 1;
/** The smallest page size of SQLite; it takes a file of one byte for an empty database. */
const SMALLEST_FILE_BYTES = 512;

const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
  CREATE TABLE membership (
    id INTEGER PRIMARY KEY,
    hub TEXT NOT NULL,
    user_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    is_timed INTEGER NOT NULL,
    UNIQUE (hub, user_id, group_name)
  );
  CREATE INDEX membership_by_expiry ON membership (expires_at);
  CREATE INDEX membership_untimed ON membership (hub, user_id) WHERE is_timed = 0;
`;

/**
 * Opens the database at `path` for this process alone; creates it, and its folder, where there is none.
 * One that exists is first read through a connection that cannot write, so that what is damaged or not ours stays as it is.
 * @throws {StoreError}
 */
export function openDatabase(path: string): DatabaseSync {
  return usingStore(path, () => {
    const isNew = !hasDatabase(path);
    if (isNew) mkdirSync(dirname(path), { recursive: true });
    else examine(path);
    const database = new DatabaseSync(path);
    try {
      prepare(path, database, isNew);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function hasDatabase(path: string): boolean {
  const file = statsOf(path);
  if (file && !file.isFile())
    throw new StoreError(
      `The membership store ${path} is not a file. Move it away, or choose another data folder.`,
    );
  if (file && file.size >= SMALLEST_FILE_BYTES) return true;
  if (file && file.size > 0) throw damaged(path, `has only ${file.size} bytes`);
  // SQLite would delete the log of an empty database.
  if (hasLog(path))
    throw new StoreError(
      `The membership store ${path} is missing or empty, but its log ${path}-wal is there. ` +
        "Restore the file from a backup, or move the log away to start with an empty store.",
    );
  return false;
}

function statsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function hasLog(path: string): boolean {
  return (statsOf(`${path}-wal`)?.size ?? 0) > 0;
}

function examine(path: string): void {
  const url = pathToFileURL(path);
  // Without a log no process has the file, and it is complete: read it without locks and files beside it.
  if (!hasLog(path)) url.searchParams.set("immutable", "1");
  using database = new DatabaseSync(url, { readOnly: true });
  if (!isEmpty(database)) checkVersion(path, database);
  const finding = pragma(database, "quick_check(1)");
  if (finding !== "ok") throw damaged(path, String(finding));
}

function damaged(path: string, finding: string): StoreError {
  return new StoreError(
    `The membership store ${path} is damaged (${finding}). ` +
      "Restore it from a backup, or move it away to start with an empty one.",
  );
}

function checkVersion(path: string, database: DatabaseSync): void {
  if (pragma(database, "application_id") !== APPLICATION_ID)
    throw new StoreError(
      `The membership store ${path} is a database of another program. Move it away, or choose another data folder.`,
    );
  const version = pragma(database, "user_version");
  if (version !== SCHEMA_VERSION)
    throw new StoreError(
      `The membership store ${path} has schema version ${String(version)}, this Hubwire knows ${SCHEMA_VERSION}. ` +
        "Start the Hubwire that wrote it, or move it away to start with an empty one.",
    );
}

function prepare(path: string, database: DatabaseSync, isNew: boolean): void {
  // The lock lasts until the database is closed, https://sqlite.org/pragma.html#pragma_locking_mode.
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  // A new file has nothing to roll back to; a journal left by a kill would keep the next start from examining it.
  if (isNew) database.exec("PRAGMA journal_mode = OFF");
  if (pragma(database, "journal_mode = WAL") !== "wal")
    throw new StoreError(
      `The membership store ${path} cannot have a write-ahead log there. Choose a data folder on a local disk.`,
    );
  database.exec("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
  if (isEmpty(database)) database.exec(SCHEMA);
  checkVersion(path, database);
  // Writes even what is there already, so that the log is never empty while a process has the database: see `examine`.
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** Whether it was never written to: what a kill during the very first start may leave. */
function isEmpty(database: DatabaseSync): boolean {
  return (
    database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined &&
    pragma(database, "application_id") === 0
  );
}

function pragma(database: DatabaseSync, setting: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${setting}`).get() ?? {})[0];
}
