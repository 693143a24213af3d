import type { RefreshedAuthentication } from "../auth/client-identity.ts";
import { PayloadError, readJsonValue } from "../protocol/json-body.ts";
import { type RequestBody, readBody } from "./request-body.ts";

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** What `:refreshAuth` is told. */
interface Refresh extends RefreshedAuthentication {
  readonly connectionToken: string;
}

/**
 * Reads `{"connectionToken":"…","expireTime":…,"claims":[{"type":"…","value":"…"}]}`. The time is a text of RFC 3339 or
 * seconds since the epoch, both of which are called a timestamp; it and the claims may be left out or null. Keys may be in
 * any letter case; others are ignored.
 * @throws {ApiError}
 */
export function readRefresh(body: RequestBody): Refresh {
  return readBody(body, "a JSON object", {
    json: (text) => {
      const members = membersOf(parsed(text), "body");
      return {
        connectionToken: requiredText(members, "connectionToken"),
        expiresAtMs: readTime(members.get("expiretime")),
        claims: readClaims(members.get("claims")),
      };
    },
  });
}

/** Reads `{"connectionToken":"…"}`. @throws {ApiError} */
export function readTokenQuestion(body: RequestBody): string {
  return readBody(body, "a JSON object", {
    json: (text) => requiredText(membersOf(parsed(text), "body"), "connectionToken"),
  });
}

function parsed(text: Buffer): unknown {
  return JSON.parse(readJsonValue(text).toString());
}

/** The members of an object by their names in lower case. */
function membersOf(value: unknown, path: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new PayloadError(path, `${path === "body" ? "The body" : `"${path}"`} must be an object.`);
  return new Map(Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]));
}

/** @param path its last step is the member's name */
function requiredText(members: ReadonlyMap<string, unknown>, path: string): string {
  const value = members.get(path.slice(path.lastIndexOf(".") + 1).toLowerCase());
  if (typeof value !== "string") throw new PayloadError(path, `"${path}" must be a string.`);
  return value;
}

function readTime(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const milliseconds =
    typeof value === "string" && DATE_TIME.test(value)
      ? Date.parse(value)
      : typeof value === "number"
        ? value * 1000
        : Number.NaN;
  if (Number.isFinite(milliseconds)) return milliseconds;
  throw new PayloadError(
    "expireTime",
    `"expireTime" must be a time like "2026-07-01T12:00:00Z", or seconds since 1970.`,
  );
}

function readClaims(value: unknown): RefreshedAuthentication["claims"] {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new PayloadError("claims", `"claims" must be an array.`);
  return value.map((claim: unknown, index) => {
    const path = `claims[${index}]`;
    const members = membersOf(claim, path);
    return [requiredText(members, `${path}.type`), requiredText(members, `${path}.value`)];
  });
}
