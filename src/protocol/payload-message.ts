import { isUtf8 } from "node:buffer";
import { HubMessageType, type HubProtocol, type HubProtocolName } from "./hub-protocol.ts";
import { hubProtocolNamed } from "./hub-protocols.ts";
import { type JsonKind, JsonMembers, jsonKind } from "./json-members.ts";
import { JsonSyntaxError, skipValue, skipWhitespace } from "./json-scan.ts";
import { readString } from "./json-string.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { ProtocolError } from "./protocol-error.ts";

/** The body of a REST call does not say what to send. Its message is for the caller. */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
  /** What is at fault. */
  readonly target: "target" | "arguments" | "body";

  constructor(target: PayloadError["target"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.target = target;
  }
}

/** What clients are to invoke. */
export interface PayloadMessage {
  readonly target: string;
  /** A JSON array as the caller wrote it: a view into the body. */
  readonly args: Buffer;
}

const NO_ARGUMENTS = Buffer.from("[]");
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/**
 * Reads the JSON body of a REST call, `{"target":"…","arguments":[…]}`, docs/spec/rest-api.md §3.6. Keys may be in any
 * letter case; the last of equal ones counts; others are ignored.
 * @throws {PayloadError}
 */
export function readPayloadMessage(body: Buffer): PayloadMessage {
  if (!isUtf8(body)) throw new PayloadError("body", "The request body is not valid UTF-8.");
  try {
    return readMembers(body);
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause;
    throw new PayloadError("body", `The request body is not valid JSON: ${cause.message}.`, { cause });
  }
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

function readMembers(body: Buffer): PayloadMessage {
  const members = bodyMembers(body);
  let target: Extent | undefined;
  let args: Extent | undefined;
  while (members.next()) {
    const extent = { start: members.valueStart, end: members.valueEnd };
    const key = readString(body, members.keyStart, members.keyEnd).toLowerCase();
    if (key === "target") target = extent;
    else if (key === "arguments") args = extent;
  }
  return { target: readTarget(body, target), args: readArguments(body, args) };
}

function bodyMembers(body: Buffer): JsonMembers {
  const marked = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  const start = skipWhitespace(body, marked ? BYTE_ORDER_MARK.length : 0, body.length);
  const expected = 'a JSON object with "target" and "arguments" is expected';
  if (start === body.length) throw new PayloadError("body", `The request body is empty; ${expected}.`);
  const kind = jsonKind(body, start);
  if (kind === "Object") return new JsonMembers(body, start, body.length);
  skipValue(body, start, body.length);
  throw new PayloadError("body", `The request body is ${named(kind)} at byte ${start}; ${expected}.`);
}

function readTarget(body: Buffer, extent: Extent | undefined): string {
  if (extent === undefined) throw new PayloadError("target", 'The request body has no "target".');
  const { start, end } = extent;
  const kind = jsonKind(body, start);
  if (kind !== "String") {
    throw new PayloadError("target", `"target" must be a string; it is ${named(kind)} at byte ${start}.`);
  }
  const target = readString(body, start, end);
  if (target.trim() === "")
    throw new PayloadError("target", `"target" must not be empty; it is at byte ${start}.`);
  return target;
}

function readArguments(body: Buffer, extent: Extent | undefined): Buffer {
  if (extent === undefined) return NO_ARGUMENTS;
  const { start, end } = extent;
  const kind = jsonKind(body, start);
  if (kind === "Null") return NO_ARGUMENTS;
  if (kind === "Array") return body.subarray(start, end);
  throw new PayloadError("arguments", `"arguments" must be an array; it is ${named(kind)} at byte ${start}.`);
}

function named(kind: JsonKind): string {
  if (kind === "Null" || kind === "True" || kind === "False") return kind.toLowerCase();
  return kind === "Object" || kind === "Array" ? `an ${kind.toLowerCase()}` : `a ${kind.toLowerCase()}`;
}

/** Hub messages that the sender encoded and framed itself, as views into the body. */
export type EncodedPayload = Partial<Record<HubProtocolName, Buffer>>;

/**
 * Reads the binary body of a REST call: a MessagePack map from the name of a hub protocol to `bin` with whole framed
 * invocations, which no client answers, docs/spec/rest-api.md §3.6. Names of hub protocols that the service does not
 * speak are left out, with what is under them.
 * @throws {PayloadError}
 */
export function readEncodedPayload(body: Buffer): EncodedPayload {
  const cursor = new MessagePackCursor(body, 0, body.length);
  const count = cursor.mapLength();
  if (!count)
    throw new PayloadError(
      "body",
      "The request body must be a MessagePack map with a message for each hub protocol.",
    );
  const payload: EncodedPayload = {};
  for (let index = 0; index < count; index++) {
    const start = cursor.position;
    const name = cursor.text();
    if (typeof name !== "string") throw badEntry("the name of a hub protocol, as a string", start);
    const protocol = hubProtocolNamed(name);
    const at = cursor.position;
    if (protocol === undefined) {
      if (!cursor.skip()) throw badEntry("a whole MessagePack element", at);
      continue;
    }
    const messages = cursor.binary();
    if (messages === undefined) throw badEntry("a whole MessagePack bin", at);
    checkMessages(protocol, messages, cursor.position - messages.length);
    payload[protocol.name] = messages;
  }
  if (!cursor.atEnd) throw badEntry("the end", cursor.position);
  return payload;
}

function badEntry(expected: string, position: number): PayloadError {
  return new PayloadError("body", `The request body must have ${expected} at byte ${position}.`);
}

/** @param position where the messages are in the body */
function checkMessages(protocol: HubProtocol, messages: Buffer, position: number): void {
  let start = 0;
  do {
    const problem = problemAt(protocol, messages, start);
    if (typeof problem === "string") {
      throw new PayloadError("body", `The ${protocol.name} message at byte ${position + start} ${problem}.`);
    }
    start = problem;
  } while (start < messages.length);
}

/** What is wrong with the message, or the index after it. */
function problemAt(protocol: HubProtocol, messages: Buffer, start: number): string | number {
  try {
    const end = protocol.findEnd(messages, start, Infinity);
    if (end < 0) return "is incomplete";
    const { type, invocationId } = protocol.read(messages, start, end);
    if (type !== HubMessageType.invocation) return "is no invocation";
    return invocationId === undefined ? end : "must have no invocation id";
  } catch (cause) {
    if (cause instanceof ProtocolError) return `is not valid: ${cause.message}`;
    throw cause;
  }
}
