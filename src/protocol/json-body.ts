import { isUtf8 } from "node:buffer";
import { type JsonKind, JsonMembers, jsonKind } from "./json-members.ts";
import { JsonSyntaxError, skipValue, skipWhitespace } from "./json-scan.ts";
import { readString } from "./json-string.ts";

const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/** The body of a REST call does not say what to do. Its message is for the caller. */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
  /** What is at fault: a path into the body like `[1].message.target`, or `body` for all of it. */
  readonly target: string;

  constructor(target: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.target = target;
  }
}

/** Where a value stands in a body. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a JSON body, which may begin with a byte order mark.
 * @param expected what it should be, for the messages
 * @param read gets the index of the first byte of its value; must go over all of the body, or over nothing but the value
 * @throws {PayloadError} also for a `JsonSyntaxError` of `read`
 */
export function readJsonBody<Read>(body: Buffer, expected: string, read: (start: number) => Read): Read {
  if (!isUtf8(body)) throw new PayloadError("body", "The request body is not valid UTF-8.");
  const marked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  const start = skipWhitespace(body, marked ? BYTE_ORDER_MARK.length : 0, body.length);
  if (start === body.length)
    throw new PayloadError("body", `The request body is empty; ${expected} is expected.`);
  try {
    return read(start);
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause;
    throw new PayloadError("body", `The request body is not valid JSON: ${cause.message}.`, { cause });
  }
}

/** The one value that a JSON body is, as it came in, whatever its kind. @throws {PayloadError} */
export function readJsonValue(body: Buffer): Buffer {
  return readJsonBody(body, "a JSON value", (start) => body.subarray(start, valueEnd(body, start)));
}

/** The index after the value at `start`, which is checked, and has at most white space behind it. */
export function valueEnd(body: Buffer, start: number): number {
  const end = skipValue(body, start, body.length);
  const rest = skipWhitespace(body, end, body.length);
  if (rest < body.length) {
    const byte = (body[rest] as number).toString(16).padStart(2, "0");
    throw new JsonSyntaxError(`unexpected byte 0x${byte}`, rest);
  }
  return end;
}

/** The members of the object that stands in an extent by their names in lower case; the last of equal ones counts. */
export function membersByName(json: Buffer, { start, end }: Extent): Map<string, Extent> {
  const members = new JsonMembers(json, start, end);
  const byName = new Map<string, Extent>();
  while (members.next()) {
    const name = readString(json, members.keyStart, members.keyEnd).toLowerCase();
    byName.set(name, { start: members.valueStart, end: members.valueEnd });
  }
  return byName;
}

/** What is wrong with a value that is of another kind than it must be. */
export function wrongKind(json: Buffer, extent: Extent, path: string, expected: string): PayloadError {
  const kind = named(jsonKind(json, extent.start));
  return new PayloadError(path, `"${path}" must be ${expected}; it is ${kind} at byte ${extent.start}.`);
}

/** A kind as messages name it: `an array`, `null`. */
export function named(kind: JsonKind): string {
  if (kind === "Null" || kind === "True" || kind === "False") return kind.toLowerCase();
  return kind === "Object" || kind === "Array" ? `an ${kind.toLowerCase()}` : `a ${kind.toLowerCase()}`;
}
