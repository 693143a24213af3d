import { type HubMessage, HubMessageType, type HubProtocol } from "./hub-protocol.ts";
import { JsonKeys, type JsonKind, JsonMembers, jsonKind } from "./json-members.ts";
import { integerMember, RECORD_SEPARATOR, recordError, recordMembers, textMember } from "./json-record.ts";
import { jsonString, readString } from "./json-string.ts";
import { invalidData, messageTooLarge } from "./protocol-error.ts";

/** Hub protocol `json`: one JSON object and a record separator, docs/spec/client-endpoint.md §3.4. */
export const hubJson: HubProtocol = {
  name: "json",
  transferFormat: "Text",

  findEnd(buffer, start, maxBytes) {
    const separator = buffer.indexOf(RECORD_SEPARATOR, start);
    if (separator >= 0 ? separator - start >= maxBytes : buffer.length - start >= maxBytes) {
      throw messageTooLarge(maxBytes);
    }
    return separator < 0 ? -1 : separator + 1;
  },

  read(buffer, start, end) {
    const envelope = new Envelope(buffer.subarray(start, end));
    try {
      envelope.read();
    } catch (cause) {
      throw recordError(cause);
    }
    return envelope.message();
  },

  invocation(target, args, invocationId) {
    const id = invocationId === undefined ? "" : `"invocationId":${jsonString(invocationId)},`;
    return recordWith(`{"type":1,${id}"target":${jsonString(target)},"arguments":`, args);
  },

  withInvocationId(framed, invocationId) {
    const pieces: Buffer[] = [];
    const members = recordMembers(framed, framed.length - 1);
    while (members.next()) {
      if (KEYS.find(framed, members.keyStart, members.keyEnd) === "invocationId") continue;
      pieces.push(pieces.length === 0 ? OPEN : COMMA, framed.subarray(members.keyStart, members.valueEnd));
    }
    // Behind the first member, which is the type wherever peers write it first.
    pieces.splice(2, 0, Buffer.from(`,"invocationId":${jsonString(invocationId)}`));
    return Buffer.concat([...pieces, END]);
  },

  streamItem: (invocationId, item) =>
    recordWith(`{"type":2,"invocationId":${jsonString(invocationId)},"item":`, item),
  completionResult: (invocationId, result) =>
    recordWith(`{"type":3,"invocationId":${jsonString(invocationId)},"result":`, result),
  completionError: (invocationId, error) =>
    record(`{"type":3,"invocationId":${jsonString(invocationId)},"error":${jsonString(error)}}`),
  completionVoid: (invocationId) => record(`{"type":3,"invocationId":${jsonString(invocationId)}}`),
  content: (framed) => framed.subarray(0, framed.length - 1),
  ping: record('{"type":6}'),
  close: (error, allowReconnect) =>
    record(
      `{"type":7${error === undefined ? "" : `,"error":${jsonString(error)}`}${allowReconnect ? ',"allowReconnect":true' : ""}}`,
    ),
  ack: (sequenceId) => record(`{"type":8,"sequenceId":${sequenceId}}`),
  sequence: (sequenceId) => record(`{"type":9,"sequenceId":${sequenceId}}`),
};

const OPEN = Buffer.from("{");
const COMMA = Buffer.from(",");
const END = Buffer.from("}\x1e");

function record(json: string): Buffer {
  return Buffer.from(`${json}\x1e`);
}

/** A message whose last member is `value`, as it came in. */
function recordWith(head: string, value: Buffer): Buffer {
  const message = Buffer.allocUnsafe(Buffer.byteLength(head) + value.length + END.length);
  const at = message.write(head);
  value.copy(message, at);
  END.copy(message, at + value.length);
  return message;
}

const KEYS = new JsonKeys(
  "type",
  "target",
  "arguments",
  "invocationId",
  "item",
  "result",
  "error",
  "headers",
  "streamIds",
  "allowReconnect",
  "sequenceId",
);

/** What is known of a message while its members are read, which may stand in any order; the last of equal ones counts. */
class Envelope {
  readonly #record: Buffer;
  #type: number | undefined;
  #target: string | undefined;
  #invocationId: string | undefined;
  #error: string | undefined;
  #allowReconnect = false;
  #sequenceId: number | undefined;
  #arguments: Buffer | undefined;
  #item: Buffer | undefined;
  #result: Buffer | undefined;
  #streamIds: Buffer | undefined;

  /** @param record the message with its separator */
  constructor(record: Buffer) {
    this.#record = record;
  }

  read(): void {
    const members = recordMembers(this.#record, this.#record.length - 1);
    while (members.next()) this.#readMember(members);
  }

  #readMember(members: JsonMembers): void {
    const record = this.#record;
    const { valueStart, valueEnd } = members;
    const key = KEYS.find(record, members.keyStart, members.keyEnd);
    switch (key) {
      case undefined: // what a newer protocol version may add
        break;
      case "type":
        this.#type = integerMember(record, members, key, 32);
        break;
      case "target":
        this.#target = textMember(record, members, key);
        break;
      case "invocationId":
        this.#invocationId = textMember(record, members, key);
        break;
      case "arguments":
        expectKind(record, members, key, "Array");
        this.#arguments = record.subarray(valueStart, valueEnd);
        break;
      case "item":
        this.#item = record.subarray(valueStart, valueEnd);
        break;
      case "result":
        this.#result = record.subarray(valueStart, valueEnd);
        break;
      case "error": // null is what some peers write for none
        if (jsonKind(record, valueStart) !== "Null") this.#error = textMember(record, members, key);
        break;
      case "allowReconnect":
        this.#allowReconnect = booleanMember(record, members, key);
        break;
      case "sequenceId":
        this.#sequenceId = integerMember(record, members, key, 64);
        break;
      case "streamIds":
        expectKind(record, members, key, "Array");
        this.#streamIds = record.subarray(valueStart, valueEnd);
        break;
      case "headers":
        checkHeaders(record, members);
        break;
    }
  }

  /** What was read, once it is known to be complete. */
  message(): HubMessage {
    const bytes = this.#record;
    const type = required(this.#type, "type");
    switch (type) {
      case HubMessageType.invocation: {
        const target = required(this.#target || undefined, "target");
        const value = required(this.#arguments, "arguments");
        const invocationId = this.#invocationId;
        return this.#withStreams(
          invocationId ? { type, invocationId, target, bytes, value } : { type, target, bytes, value },
        );
      }
      case HubMessageType.streamInvocation: {
        const invocationId = this.#requiredId();
        const value = required(this.#arguments, "arguments");
        const target = required(this.#target || undefined, "target");
        return this.#withStreams({ type, invocationId, target, bytes, value });
      }
      case HubMessageType.streamItem: {
        const invocationId = this.#requiredId();
        return { type, invocationId, bytes, value: required(this.#item, "item") };
      }
      case HubMessageType.completion:
        return this.#completion();
      case HubMessageType.cancelInvocation:
        return { type, invocationId: this.#requiredId(), bytes };
      case HubMessageType.close: {
        const error = this.#error;
        const allowReconnect = this.#allowReconnect;
        return error === undefined ? { type, allowReconnect, bytes } : { type, error, allowReconnect, bytes };
      }
      case HubMessageType.ack:
      case HubMessageType.sequence:
        return { type, sequenceId: required(this.#sequenceId, "sequenceId"), bytes };
      default: // Ping, and what the session skips
        return { type, bytes };
    }
  }

  #completion(): HubMessage {
    const bytes = this.#record;
    const type = HubMessageType.completion;
    const invocationId = this.#requiredId();
    const error = this.#error;
    const value = this.#result;
    if (error !== undefined && value !== undefined) {
      throw invalidData("The 'error' and 'result' properties are mutually exclusive.");
    }
    if (error !== undefined) return { type, invocationId, error, bytes };
    return value === undefined ? { type, invocationId, bytes } : { type, invocationId, bytes, value };
  }

  #withStreams(message: HubMessage): HubMessage {
    const streamIds = this.#streamIds;
    return streamIds === undefined ? message : { ...message, streamIds };
  }

  #requiredId(): string {
    return required(this.#invocationId || undefined, "invocationId");
  }
}

function required<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw invalidData(`Missing required property '${name}'.`);
  return value;
}

function booleanMember(record: Buffer, { valueStart }: JsonMembers, name: string): boolean {
  const kind = jsonKind(record, valueStart);
  if (kind !== "True" && kind !== "False") throw invalidData(`Expected '${name}' to be true or false.`);
  return kind === "True";
}

function expectKind(record: Buffer, { valueStart }: JsonMembers, name: string, kind: JsonKind): void {
  if (jsonKind(record, valueStart) !== kind) throw invalidData(`Expected '${name}' to be of type ${kind}.`);
}

/** Headers are passed on unread, to peers that end a connection over one that is no string. */
function checkHeaders(record: Buffer, { valueStart, valueEnd }: JsonMembers): void {
  if (jsonKind(record, valueStart) !== "Object")
    throw invalidData("Expected 'headers' to be of type StartObject.");
  const headers = new JsonMembers(record, valueStart, valueEnd);
  while (headers.next()) {
    if (jsonKind(record, headers.valueStart) === "String") continue;
    const name = readString(record, headers.keyStart, headers.keyEnd);
    throw invalidData(`Expected header '${name}' to be of type String.`);
  }
}
