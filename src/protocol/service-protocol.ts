import { contentStart, prefixedEnd } from "./length-prefix.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { invalidData, type ProtocolError } from "./protocol-error.ts";
import { integer } from "./service-field.ts";
import { type Layout, layoutOf, layouts } from "./service-layout.ts";
import type { ServiceMessage } from "./service-message.ts";
import { ServiceMessageWriter } from "./service-message-writer.ts";
import type { Members } from "./service-part.ts";

/**
 * The codec of the service protocol, docs/spec/service-protocol.md §3: a length prefix and one MessagePack array. An array may
 * be shorter than this version's (an older peer) or longer (a newer one); keys of extension maps that are not known are passed over.
 */

const CONNECTION_DATA = 6;
/** The key of `dataType` among the extensions. */
const DATA_TYPE = 5;

/** A message of a type that this version does not know: newer peers may send them, and they are to be ignored. */
export interface UnknownServiceMessage {
  readonly type: "unknown";
  readonly id: number;
}

/**
 * The index after the message that starts at `start`, or -1 while it is incomplete.
 * @throws {ProtocolError} when the message, with its prefix, is larger than `maxBytes`
 */
export const findServiceMessageEnd: (buffer: Buffer, start: number, maxBytes: number) => number = prefixedEnd;

/**
 * Reads the message from `start` to `end`. Payloads are views into the buffer.
 * @throws {ProtocolError} when it is no message of the service protocol
 */
export function readServiceMessage(
  buffer: Buffer,
  start: number,
  end: number,
): ServiceMessage | UnknownServiceMessage {
  const content = contentStart(buffer, start, end);
  const cursor = new MessagePackCursor(buffer, content < 0 ? end : content, end);
  const length = cursor.arrayLength();
  if (length === undefined || length === 0) throw malformed("it is no array with a message type");
  const id = cursor.integer();
  if (id === undefined) throw malformed("its type is no integer");
  const { position } = cursor;
  const plain = id === CONNECTION_DATA ? readPlainConnectionData(cursor, length) : undefined;
  if (plain !== undefined) return plain;
  const layout = layouts.get(id);
  if (layout === undefined) return { type: "unknown", id };
  cursor.position = position;
  return readMessage(layout, cursor, length - 1);
}

/** Adds a message, framed. */
export function writeServiceMessage(out: ServiceMessageWriter, message: ServiceMessage): void {
  const { id, parts } = layoutOf(message);
  const members = message as unknown as Members;
  out.message(() => {
    out.arrayHeader(1 + parts.reduce((count, part) => count + part.width(members), 0));
    out.integer(id);
    for (const part of parts) part.write(out, members);
  });
}

/** One message, framed. */
export function encodeServiceMessage(message: ServiceMessage): Buffer {
  const out = new ServiceMessageWriter();
  writeServiceMessage(out, message);
  return out.take();
}

/** What each ConnectionData of a connection begins with; for `ServiceMessageWriter.connectionData`. */
export function connectionDataHead(connectionId: string): Buffer {
  const out = new ServiceMessageWriter();
  out.arrayHeader(4);
  out.integer(CONNECTION_DATA);
  out.text(connectionId);
  return Buffer.from(out.take()); // a copy, which does not keep the writer's space
}

/** @param elements how many the array has behind its type */
function readMessage({ type, parts }: Layout, cursor: MessagePackCursor, elements: number): ServiceMessage {
  const message: Members = { type };
  let left = elements;
  for (const part of parts)
    if (!part.read(cursor, left--, message)) throw malformed(`${part.name} of ${type} is missing or broken`);
  return message as unknown as ServiceMessage;
}

/** As the others, without a table: nearly every message is one. `undefined` for what is rare or broken. */
function readPlainConnectionData(cursor: MessagePackCursor, length: number): ServiceMessage | undefined {
  const connectionId = cursor.text();
  const payload = cursor.binary();
  if (length < 3 || typeof connectionId !== "string" || payload === undefined) return undefined;
  const extensions = length === 3 ? 0 : cursor.mapLength();
  if (extensions === 0) return { type: "connectionData", connectionId, payload };
  if (extensions !== 1 || cursor.integer() !== DATA_TYPE) return undefined;
  const dataType = integer.read(cursor);
  return dataType === undefined ? undefined : { type: "connectionData", connectionId, payload, dataType };
}

function malformed(what: string): ProtocolError {
  return invalidData(`This is no message of the service protocol: ${what}.`);
}
