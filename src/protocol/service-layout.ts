import type { MessagePackCursor } from "./messagepack-cursor.ts";
import {
  binary,
  boolean,
  claims,
  type Field,
  headers,
  int32,
  integer,
  nullableText,
  payload,
  since,
  text,
  texts,
  time,
} from "./service-field.ts";
import type { ServiceMessage } from "./service-message.ts";
import type { ServiceMessageWriter } from "./service-message-writer.ts";

/** A part of a message's array: one element or, for the pairs of a ping, all that is left. */
interface Part {
  /** For what is said of a broken message. */
  readonly name: string;
  /**
   * Reads it into the message.
   * @param left elements of the array from here on; none or fewer where the peer is older
   * @returns `false` where it is missing or broken
   */
  read(cursor: MessagePackCursor, left: number, message: Record<string, unknown>): boolean;
  /** Elements that it writes of the message. */
  width(message: object): number;
  write(out: ServiceMessageWriter, message: object): void;
}

/** One wire type: its number, and its array behind that. */
export interface Layout {
  readonly id: number;
  readonly type: ServiceMessage["type"];
  readonly parts: readonly Part[];
}

type MessageOf<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { readonly type: Type }>;
type Present<Message, Key extends keyof Message> = Exclude<Message[Key], undefined>;
type Extension<Message> = {
  readonly [Key in keyof Message]-?: readonly [number, Key & string, Field<Present<Message, Key>>];
}[keyof Message];

/** Makes the parts of one message's layouts; names are checked against the message. */
class Parts<Message extends object> {
  /** One element that is a member of the message. */
  field<Key extends keyof Message & string>(name: Key, kind: Field<Present<Message, Key>>): Part {
    return {
      name,
      read(cursor, left, message) {
        const value = left > 0 ? kind.read(cursor) : kind.absent;
        if (value === undefined) return false;
        message[name] = value;
        return true;
      },
      width: () => 1,
      write: (out, message) => kind.write(out, (message as Message)[name] as Present<Message, Key>),
    };
  }

  /** The last element, which is left out where the message has no such member; nil reads as left out. */
  optional<Key extends keyof Message & string>(name: Key, kind: Field<Present<Message, Key>>): Part {
    const valueOf = (message: object): Message[Key] => (message as Message)[name];
    return {
      name,
      read(cursor, left, message) {
        if (left <= 0 || cursor.takeNil()) return true;
        const value = kind.read(cursor);
        if (value !== undefined) message[name] = value;
        return value !== undefined;
      },
      width: (message) => (valueOf(message) === undefined ? 0 : 1),
      write(out, message) {
        const value = valueOf(message);
        if (value !== undefined) kind.write(out, value as Present<Message, Key>);
      },
    };
  }

  /** The map of optional members by numbers, §3.2. */
  extensions(...known: readonly Extension<Message>[]): Part {
    return {
      name: "extensions",
      read: (cursor, left, message) => left <= 0 || readExtensions(cursor, known, message),
      width: () => 1,
      write(out, message) {
        const present = known.filter(([, name]) => (message as Message)[name] !== undefined);
        out.mapHeader(present.length);
        for (const [key, name, kind] of present) {
          out.integer(key);
          (kind as Field<unknown>).write(out, (message as Message)[name]);
        }
      },
    };
  }
}

function readExtensions<Message>(
  cursor: MessagePackCursor,
  known: readonly Extension<Message>[],
  message: Record<string, unknown>,
): boolean {
  const count = cursor.takeNil() ? 0 : cursor.mapLength();
  if (count === undefined) return false;
  for (let index = 0; index < count; index++) {
    const key = cursor.integer();
    if (key === undefined) return false;
    const extension = known.find(([number]) => number === key);
    if (extension === undefined) {
      if (!cursor.skip()) return false;
      continue;
    }
    const [, name, kind] = extension;
    const value = (kind as Field<unknown>).read(cursor);
    if (value === undefined) return false;
    message[name] = value;
  }
  return true;
}

/** The key-value pairs of a ping: all that is left of its array. */
const pingPairs: Part = {
  name: "pairs",
  read(cursor, left, message) {
    const pairs: (readonly [string, string])[] = [];
    for (let at = 1; at < left; at += 2) {
      const key = text.read(cursor);
      const value = text.read(cursor);
      if (key === undefined || value === undefined) return false;
      pairs.push([key, value]);
    }
    message["pairs"] = pairs;
    return true;
  },
  width: (message) => 2 * (message as MessageOf<"ping">).pairs.length,
  write(out, message) {
    for (const pair of (message as MessageOf<"ping">).pairs) for (const item of pair) out.text(item);
  },
};

function layout<Type extends ServiceMessage["type"]>(
  id: number,
  type: Type,
  parts: (make: Parts<MessageOf<Type>>) => readonly Part[],
): Layout {
  return { id, type, parts: parts(new Parts<MessageOf<Type>>()) };
}

const TRACING_ID = [1, "tracingId", integer] as const;
const TTL = [2, "ttlSeconds", integer] as const;
const PROTOCOL = [3, "protocol", text] as const;
const FILTER = [4, "filter", text] as const;
const DATA_TYPE = [5, "dataType", integer] as const;
const IS_PARTIAL = [6, "isPartial", boolean] as const;
const reason = nullableText;

/** All wire types, docs/spec/service-protocol.md §3.5. */
const all: readonly Layout[] = [
  layout(1, "handshakeRequest", (make) => [
    make.field("version", integer),
    make.field("connectionType", since(integer, 0)),
    make.field("target", since(text, "")),
    make.field("migrationLevel", since(integer, 0)),
    make.extensions(),
    make.field("allowStatefulReconnects", since(boolean, false)),
  ]),
  layout(2, "handshakeResponse", (make) => [
    make.field("error", text),
    make.extensions(),
    make.field("connectionId", since(nullableText, null)),
  ]),
  layout(3, "ping", () => [pingPairs]),
  layout(4, "openConnection", (make) => [
    make.field("connectionId", text),
    make.field("claims", claims),
    make.field("headers", since(headers, [])),
    make.field("query", since(text, "")),
    make.extensions(TRACING_ID, PROTOCOL),
  ]),
  layout(5, "closeConnection", (make) => [
    make.field("connectionId", text),
    make.field("error", text),
    make.field("headers", since(headers, [])),
    make.extensions(TRACING_ID),
  ]),
  layout(6, "connectionData", (make) => [
    make.field("connectionId", text),
    make.field("payload", binary),
    make.extensions(TRACING_ID, DATA_TYPE, IS_PARTIAL),
  ]),
  layout(7, "multiConnectionData", (make) => [
    make.field("connectionIds", texts),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
  ]),
  layout(8, "userData", (make) => [
    make.field("userId", text),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
  ]),
  layout(9, "multiUserData", (make) => [
    make.field("userIds", texts),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
  ]),
  layout(10, "broadcastData", (make) => [
    make.field("excluded", texts),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
  ]),
  layout(11, "joinGroup", (make) => [
    make.field("connectionId", text),
    make.field("group", text),
    make.extensions(TRACING_ID),
  ]),
  layout(12, "leaveGroup", (make) => [
    make.field("connectionId", text),
    make.field("group", nullableText),
    make.extensions(TRACING_ID),
  ]),
  layout(13, "groupBroadcastData", (make) => [
    make.field("group", text),
    make.field("excluded", texts),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
    make.field("excludedUserIds", since(texts, [])),
    make.field("callerUserId", since(nullableText, null)),
  ]),
  layout(14, "multiGroupBroadcastData", (make) => [
    make.field("groups", texts),
    make.field("payload", payload),
    make.extensions(TRACING_ID, FILTER),
  ]),
  layout(15, "serviceError", (make) => [make.field("message", text)]),
  layout(16, "userJoinGroup", (make) => [
    make.field("userId", text),
    make.field("group", text),
    make.extensions(TRACING_ID, TTL),
  ]),
  layout(17, "userLeaveGroup", (make) => [
    make.field("userId", text),
    make.field("group", nullableText),
    make.extensions(TRACING_ID),
  ]),
  layout(18, "joinGroup", (make) => [
    make.field("connectionId", text),
    make.field("group", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(19, "leaveGroup", (make) => [
    make.field("connectionId", text),
    make.field("group", nullableText),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(20, "ack", (make) => [
    make.field("ackId", integer),
    make.field("status", integer),
    make.field("message", text),
    make.extensions(),
    make.optional("payload", binary),
  ]),
  layout(21, "checkUserInGroup", (make) => [
    make.field("userId", text),
    make.field("group", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(22, "serviceEvent", (make) => [
    make.field("objectType", integer),
    make.field("id", text),
    make.field("kind", integer),
    make.field("message", text),
    make.extensions(),
  ]),
  layout(23, "checkGroupExistence", (make) => [
    make.field("group", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(24, "checkConnectionExistence", (make) => [
    make.field("connectionId", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(25, "checkUserExistence", (make) => [
    make.field("userId", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(26, "userJoinGroup", (make) => [
    make.field("userId", text),
    make.field("group", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID, TTL),
  ]),
  layout(27, "userLeaveGroup", (make) => [
    make.field("userId", text),
    make.field("group", nullableText),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(28, "accessKeyRequest", (make) => [
    make.field("token", text),
    make.field("keyId", nullableText),
    make.extensions(),
  ]),
  layout(29, "accessKeyResponse", (make) => [
    make.field("keyId", nullableText),
    make.field("accessKey", nullableText),
    make.field("errorType", nullableText),
    make.field("errorMessage", nullableText),
    make.extensions(),
  ]),
  layout(30, "closeOneConnection", (make) => [
    make.field("connectionId", text),
    make.field("reason", reason),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(31, "closeHubConnections", (make) => [
    make.field("reason", reason),
    make.field("ackId", integer),
    make.field("excluded", since(texts, [])),
    make.extensions(TRACING_ID),
  ]),
  layout(32, "closeUserConnections", (make) => [
    make.field("userId", text),
    make.field("reason", reason),
    make.field("ackId", integer),
    make.field("excluded", since(texts, [])),
    make.extensions(TRACING_ID),
  ]),
  layout(33, "closeGroupConnections", (make) => [
    make.field("group", text),
    make.field("reason", reason),
    make.field("ackId", integer),
    make.field("excluded", since(texts, [])),
    make.extensions(TRACING_ID),
  ]),
  layout(34, "clientInvocation", (make) => [
    make.field("invocationId", text),
    make.field("connectionId", text),
    make.field("callerServerId", text),
    make.field("payload", payload),
    make.extensions(TRACING_ID),
  ]),
  layout(35, "clientCompletion", (make) => [
    make.field("invocationId", text),
    make.field("connectionId", text),
    make.field("callerServerId", text),
    make.field("protocol", text),
    make.field("payload", binary),
    make.extensions(TRACING_ID, PROTOCOL),
  ]),
  layout(36, "errorCompletion", (make) => [
    make.field("invocationId", text),
    make.field("connectionId", text),
    make.field("callerServerId", text),
    make.field("error", text),
    make.extensions(TRACING_ID),
  ]),
  layout(37, "serviceMapping", (make) => [
    make.field("invocationId", text),
    make.field("connectionId", text),
    make.field("instanceId", text),
    make.extensions(),
  ]),
  layout(38, "connectionReconnect", (make) => [make.field("connectionId", text), make.extensions()]),
  layout(39, "connectionFlowControl", (make) => [
    make.field("connectionId", text),
    make.field("connectionType", int32),
    make.field("operation", int32),
    make.extensions(),
  ]),
  layout(40, "groupMemberQuery", (make) => [
    make.extensions(TRACING_ID),
    make.field("group", text),
    make.field("ackId", integer),
    make.field("max", integer),
    make.field("continuationToken", since(nullableText, null)),
  ]),
  layout(41, "refreshAuth", (make) => [
    make.field("connectionToken", text),
    make.field("claims", claims),
    make.field("expiresAtMs", time),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(42, "getConnectionClaims", (make) => [
    make.field("connectionToken", text),
    make.field("ackId", integer),
    make.extensions(TRACING_ID),
  ]),
  layout(43, "updateConnectionClaims", (make) => [
    make.field("connectionId", text),
    make.field("claims", claims),
    make.extensions(),
  ]),
];

/** The layouts by their numbers. */
export const layouts: ReadonlyMap<number, Layout> = new Map(all.map((each) => [each.id, each]));

const plain = new Map<string, Layout>();
const acknowledged = new Map<string, Layout>();
for (const each of all) {
  if (each.parts.some(({ name }) => name === "ackId")) acknowledged.set(each.type, each);
  else plain.set(each.type, each);
}

/** How a message is written. */
export function layoutOf(message: ServiceMessage): Layout {
  const hasAck = "ackId" in message && message.ackId !== undefined;
  return (hasAck ? acknowledged : plain).get(message.type) as Layout;
}
