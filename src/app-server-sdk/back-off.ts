const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const JITTER_MS = 1_000;

/**
 * How long to wait before the next try after so many failed ones in a row, 1 or more: 1, 2, 4 … 60 seconds, and up to one more, so that
 * all connections of all app servers do not come back at once; docs/spec/service-protocol.md §1.5.
 * @param random at least 0, less than 1
 */
export function backOffMs(failures: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) + random * JITTER_MS;
}
