/**
 * The membership store cannot be opened, read or written. The message says what, where, and what to do about it;
 * `cause` is the error of the database or the file system, where there is one.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

const IN_USE = "is in use by another process. Stop that process, or give this one a data folder of its own";

/** What to tell about a result code, extended or primary, https://sqlite.org/rescode.html. */
const PROBLEMS: Readonly<Record<number, string>> = {
  5: IN_USE,
  6: IN_USE,
  8: "cannot be written. Allow this user to write the file and its folder, or choose another data folder",
  10: "cannot be read or written: the disk reports an error",
  11: "is damaged. Restore it from a backup, or move it away to start with an empty one",
  13: "cannot be written: the disk is full",
  14: "cannot be opened. Allow this user to read and write the file and its folder, or choose another data folder",
  26: "is damaged or no membership store. Restore it from a backup, or move it away to start with an empty one",
  3850: "cannot be locked. Allow this user to write the file and its folder, or choose another data folder",
};

/**
 * Uses the store's file or database at `path`.
 * @throws {StoreError} for what SQLite or the file system reports; any other error is a fault of ours and stays itself
 */
export function usingStore<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    const problem = problemOf(error);
    if (problem === undefined) throw error;
    throw new StoreError(`The membership store ${path} ${problem}.`, { cause: error });
  }
}

function problemOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("errcode" in error && typeof error.errcode === "number")
    return PROBLEMS[error.errcode] ?? PROBLEMS[error.errcode & 0xff] ?? `has failed (${error.message})`;
  if ("syscall" in error) return `cannot be opened (${error.message}). Choose another data folder`;
  return undefined;
}
