const ONE_YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** How many memberships without a time to live are kept per hub and user, docs/spec/rest-api.md §3.2. */
export const MAX_UNTIMED = 100;

/** How many expired memberships one call deletes: SQLite keeps the process busy for some 5 ms with so many of a million. */
export const MAX_EXPIRED_AT_ONCE = 200;

/** When a membership that is added now ends, in milliseconds since the epoch; without a time to live after one year. */
export function expiryMs(ttlSeconds: number | "none", nowMs: number): number {
  return nowMs + (ttlSeconds === "none" ? ONE_YEAR_MS : ttlSeconds * 1000);
}
