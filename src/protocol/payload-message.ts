import { type Extent, membersByName, named, PayloadError, readJsonBody, wrongKind } from "./json-body.ts";
import { jsonKind } from "./json-members.ts";
import { skipValue } from "./json-scan.ts";
import { readString } from "./json-string.ts";

/** What clients are to invoke. */
export interface PayloadMessage {
  readonly target: string;
  /** A JSON array as the caller wrote it: a view into the body. */
  readonly args: Buffer;
}

const EXPECTED = 'a JSON object with "target" and "arguments"';
const NO_ARGUMENTS = Buffer.from("[]");

/**
 * Reads the JSON body of a REST call, `{"target":"…","arguments":[…]}`, docs/spec/rest-api.md §3.6. Keys may be in any
 * letter case; the last of equal ones counts; others are ignored.
 * @throws {PayloadError}
 */
export function readPayloadMessage(body: Buffer): PayloadMessage {
  return readJsonBody(body, EXPECTED, (start) => {
    const kind = jsonKind(body, start);
    if (kind === "Object") return readMessage(body, { start, end: body.length }, "");
    skipValue(body, start, body.length);
    throw new PayloadError(
      "body",
      `The request body is ${named(kind)} at byte ${start}; ${EXPECTED} is expected.`,
    );
  });
}

/**
 * Reads the message that stands in an extent, which begins with an object.
 * @param path of the message in the body, with a point at its end; empty where the body is the message
 * @throws {PayloadError} and {JsonSyntaxError}
 */
export function readMessage(body: Buffer, extent: Extent, path: string): PayloadMessage {
  const members = membersByName(body, extent);
  const subject = path === "" ? "The request body" : `"${path.slice(0, -1)}"`;
  const target = members.get("target");
  if (target === undefined) throw new PayloadError(`${path}target`, `${subject} has no "target".`);
  return {
    target: readTarget(body, target, `${path}target`),
    args: readArguments(body, members.get("arguments"), `${path}arguments`),
  };
}

function readTarget(body: Buffer, extent: Extent, path: string): string {
  const { start, end } = extent;
  if (jsonKind(body, start) !== "String") throw wrongKind(body, extent, path, "a string");
  const target = readString(body, start, end);
  if (target.trim() === "")
    throw new PayloadError(path, `"${path}" must not be empty; it is at byte ${start}.`);
  return target;
}

function readArguments(body: Buffer, extent: Extent | undefined, path: string): Buffer {
  if (extent === undefined) return NO_ARGUMENTS;
  const { start, end } = extent;
  const kind = jsonKind(body, start);
  if (kind === "Null") return NO_ARGUMENTS;
  if (kind === "Array") return body.subarray(start, end);
  throw wrongKind(body, extent, path, "an array");
}
