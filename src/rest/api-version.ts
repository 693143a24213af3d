import { ApiError } from "../core/errors.ts";

/** The versions whose answers differ: v1 is in the path, the others in the query. */
export type ApiVersion = "v1" | DatedVersion;

type DatedVersion = (typeof DATED_VERSIONS)[number];

/** Oldest first. */
const DATED_VERSIONS = ["2020-10-01", "2022-06-01"] as const;
const HINT = `This service knows ${DATED_VERSIONS.join(" and ")}, and takes later dates for the last of them.`;

/**
 * The version that an `api-version` is served as: itself, or the nearest known one before it, so that a newer SDK
 * gets what this service can do. A `-preview` is served like the version it precedes.
 * @throws {ApiError} when it is missing, no date, or older than all known versions
 */
export function datedVersion(requested: string | undefined): DatedVersion {
  if (requested === undefined) throw refused(`The query must have 'api-version'. ${HINT}`);
  const known = DATED_VERSIONS.find((version) => version === requested);
  if (known !== undefined) return known;
  const date = /^(\d{4}-\d\d-\d\d)(?:-preview)?$/i.exec(requested)?.[1];
  if (date === undefined || !isCalendarDate(date)) throw refused(`'api-version' must be a date. ${HINT}`);
  const version = DATED_VERSIONS.findLast((each) => each <= date);
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
