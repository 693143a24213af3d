import { ApiError } from "../core/errors.ts";

/**
 * The versions whose answers may differ: v1 is in the path, the dated ones in the query, and what is Hubwire's own has
 * one that is neither.
 */
export type ApiVersion = "v1" | DatedVersion | "hubwire";

export type DatedVersion = (typeof datedVersions)[number];

/** Oldest first. */
export const datedVersions = [
  "2020-10-01",
  "2022-06-01",
  "2022-11-01",
  "2023-07-01",
  "2024-12-01",
  "2026-07-01",
] as const;

/** What is served where a version does not matter. */
export const LATEST: DatedVersion = "2026-07-01";

const HINT = `This service knows ${datedVersions.join(", ")}, and takes other dates for the nearest of them before.`;

/**
 * The version that an `api-version` is served as: itself, or the nearest known one before it, so that a newer SDK
 * gets what this service can do. A `-preview` is served like the version it precedes.
 * @throws {ApiError} when it is missing, no date, or older than all known versions
 */
export function datedVersion(requested: string | undefined): DatedVersion {
  if (requested === undefined) throw refused(`The query must have 'api-version'. ${HINT}`);
  const known = datedVersions.find((version) => version === requested);
  if (known !== undefined) return known;
  const date = /^(\d{4}-\d\d-\d\d)(?:-preview)?$/i.exec(requested)?.[1];
  if (date === undefined || !isCalendarDate(date)) throw refused(`'api-version' must be a date. ${HINT}`);
  const version = datedVersions.findLast((each) => each <= date);
  if (version === undefined) throw refused(`'api-version' is too old. ${HINT}`);
  return version;
}

function isCalendarDate(text: string): boolean {
  // A day that its month does not have runs over into the next one.
  return new Date(`${text}T00:00Z`).getUTCDate() === Number(text.slice(8));
}

function refused(message: string): ApiError {
  return new ApiError("Error.Request.ApiVersion", message, "api-version");
}

/**
 * The status of success in each version: a dated one has that of the nearest version before it that is named, and the
 * operation does not exist before the first.
 */
export type Statuses = Readonly<Partial<Record<ApiVersion, number>>>;

/** The same status in all versions of Azure's API. */
export function always(status: number): Statuses {
  return { v1: status, "2020-10-01": status };
}

/** The status of success; `undefined` where the version does not have the operation. */
export function statusIn(statuses: Statuses, version: ApiVersion): number | undefined {
  if (version === "v1" || version === "hubwire") return statuses[version];
  const named = datedVersions.findLast((each) => each <= version && statuses[each] !== undefined);
  return named && statuses[named];
}

/** The first dated version that has the operation. */
export function firstVersion(statuses: Statuses): DatedVersion | undefined {
  return datedVersions.find((each) => statuses[each] !== undefined);
}
