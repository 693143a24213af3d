import {
  binary,
  boolean,
  claims,
  type Field,
  headers,
  int32,
  integer,
  nullable,
  payload,
  text,
  texts,
  time,
  uint64,
  withDefault,
} from "./service-field.ts";
import type { ServiceMessage } from "./service-message.ts";
import { type Extension, element, extensions, optional, type Part, pingPairs } from "./service-part.ts";

/** One wire type: its number, and its array behind that. */
export interface Layout {
  readonly id: number;
  readonly type: ServiceMessage["type"];
  readonly parts: readonly Part[];
}

type MessageOf<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { readonly type: Type }>;
type FieldOf<Message, Key extends keyof Message> = Field<Exclude<Message[Key], undefined>>;
type ExtensionOf<Message> = {
  readonly [Key in keyof Message]-?: readonly [number, Key, FieldOf<Message, Key>];
}[keyof Message];
/** The elements of a message's array in their order, by the members that they are; all members must be among them. */
type Elements<Message> = {
  readonly [Key in keyof Message as Exclude<Key, "type">]: FieldOf<Message, Key> | Part;
} & { readonly extensions?: readonly ExtensionOf<Message>[] };

function layout<Type extends ServiceMessage["type"]>(
  id: number,
  type: Type,
  elements: Elements<MessageOf<Type>>,
): Layout {
  const parts = Object.entries(elements as Record<string, unknown>).map(([name, kind]) => {
    if (name === "extensions") return extensions(kind as readonly Extension[]);
    return isPart(kind) ? kind : element(name, kind as Field<unknown>);
  });
  return { id, type, parts };
}

function isPart(kind: unknown): kind is Part {
  return typeof kind === "object" && kind !== null && "width" in kind;
}

const TRACING_ID = [1, "tracingId", uint64] as const;
const TTL = [2, "ttlSeconds", integer] as const;
const PROTOCOL = [3, "protocol", text] as const;
const FILTER = [4, "filter", text] as const;
const DATA_TYPE = [5, "dataType", withDefault(integer, 0)] as const;
const IS_PARTIAL = [6, "isPartial", withDefault(boolean, false)] as const;

/** All wire types, docs/spec/service-protocol.md §3.5. */
const all: readonly Layout[] = [
  layout(1, "handshakeRequest", {
    version: integer,
    connectionType: withDefault(integer, 0),
    target: withDefault(text, ""),
    migrationLevel: withDefault(integer, 0),
    extensions: [],
    allowStatefulReconnects: withDefault(boolean, false),
  }),
  layout(2, "handshakeResponse", {
    error: text,
    extensions: [],
    connectionId: withDefault(nullable(text), null),
  }),
  layout(3, "ping", { pairs: pingPairs }),
  layout(4, "openConnection", {
    connectionId: text,
    claims,
    headers: withDefault(headers, []),
    query: withDefault(text, ""),
    extensions: [TRACING_ID, PROTOCOL],
  }),
  layout(5, "closeConnection", {
    connectionId: text,
    error: text,
    headers: withDefault(headers, []),
    extensions: [TRACING_ID],
  }),
  layout(6, "connectionData", {
    connectionId: text,
    payload: binary,
    extensions: [TRACING_ID, DATA_TYPE, IS_PARTIAL],
  }),
  layout(7, "multiConnectionData", { connectionIds: texts, payload, extensions: [TRACING_ID, FILTER] }),
  layout(8, "userData", { userId: text, payload, extensions: [TRACING_ID, FILTER] }),
  layout(9, "multiUserData", { userIds: texts, payload, extensions: [TRACING_ID, FILTER] }),
  layout(10, "broadcastData", { excluded: texts, payload, extensions: [TRACING_ID, FILTER] }),
  layout(11, "joinGroup", { connectionId: text, group: text, extensions: [TRACING_ID] }),
  layout(12, "leaveGroup", { connectionId: text, group: nullable(text), extensions: [TRACING_ID] }),
  layout(13, "groupBroadcastData", {
    group: text,
    excluded: texts,
    payload,
    extensions: [TRACING_ID, FILTER],
    excludedUserIds: withDefault(texts, []),
    callerUserId: withDefault(nullable(text), null),
  }),
  layout(14, "multiGroupBroadcastData", { groups: texts, payload, extensions: [TRACING_ID, FILTER] }),
  layout(15, "serviceError", { message: text }),
  layout(16, "userJoinGroup", { userId: text, group: text, extensions: [TRACING_ID, TTL] }),
  layout(17, "userLeaveGroup", { userId: text, group: nullable(text), extensions: [TRACING_ID] }),
  layout(18, "joinGroup", { connectionId: text, group: text, ackId: integer, extensions: [TRACING_ID] }),
  layout(19, "leaveGroup", {
    connectionId: text,
    group: nullable(text),
    ackId: integer,
    extensions: [TRACING_ID],
  }),
  layout(20, "ack", {
    ackId: integer,
    status: integer,
    message: text,
    extensions: [],
    payload: optional("payload", binary),
  }),
  layout(21, "checkUserInGroup", { userId: text, group: text, ackId: integer, extensions: [TRACING_ID] }),
  layout(22, "serviceEvent", { objectType: integer, id: text, kind: integer, message: text, extensions: [] }),
  layout(23, "checkGroupExistence", { group: text, ackId: integer, extensions: [TRACING_ID] }),
  layout(24, "checkConnectionExistence", { connectionId: text, ackId: integer, extensions: [TRACING_ID] }),
  layout(25, "checkUserExistence", { userId: text, ackId: integer, extensions: [TRACING_ID] }),
  layout(26, "userJoinGroup", { userId: text, group: text, ackId: integer, extensions: [TRACING_ID, TTL] }),
  layout(27, "userLeaveGroup", {
    userId: text,
    group: nullable(text),
    ackId: integer,
    extensions: [TRACING_ID],
  }),
  layout(28, "accessKeyRequest", { token: text, keyId: nullable(text), extensions: [] }),
  layout(29, "accessKeyResponse", {
    keyId: nullable(text),
    accessKey: nullable(text),
    errorType: nullable(text),
    errorMessage: nullable(text),
    extensions: [],
  }),
  layout(30, "closeOneConnection", {
    connectionId: text,
    reason: nullable(text),
    ackId: integer,
    extensions: [TRACING_ID],
  }),
  layout(31, "closeHubConnections", {
    reason: nullable(text),
    ackId: integer,
    excluded: texts,
    extensions: [TRACING_ID],
  }),
  layout(32, "closeUserConnections", {
    userId: text,
    reason: nullable(text),
    ackId: integer,
    excluded: texts,
    extensions: [TRACING_ID],
  }),
  layout(33, "closeGroupConnections", {
    group: text,
    reason: nullable(text),
    ackId: integer,
    excluded: texts,
    extensions: [TRACING_ID],
  }),
  layout(34, "clientInvocation", {
    invocationId: text,
    connectionId: text,
    callerServerId: text,
    payload,
    extensions: [TRACING_ID],
  }),
  layout(35, "clientCompletion", {
    invocationId: text,
    connectionId: text,
    callerServerId: text,
    protocol: text,
    payload: binary,
    extensions: [TRACING_ID, PROTOCOL],
  }),
  layout(36, "errorCompletion", {
    invocationId: text,
    connectionId: text,
    callerServerId: text,
    error: text,
    extensions: [TRACING_ID],
  }),
  layout(37, "serviceMapping", { invocationId: text, connectionId: text, instanceId: text, extensions: [] }),
  layout(38, "connectionReconnect", { connectionId: text, extensions: [] }),
  layout(39, "connectionFlowControl", {
    connectionId: text,
    connectionType: int32,
    operation: int32,
    extensions: [],
  }),
  layout(40, "groupMemberQuery", {
    extensions: [TRACING_ID],
    group: text,
    ackId: integer,
    max: nullable(integer),
    continuationToken: withDefault(nullable(text), null),
    maxPageSize: withDefault(nullable(integer), null),
  }),
  layout(41, "refreshAuth", {
    connectionToken: text,
    claims,
    expiresAtMs: time,
    ackId: integer,
    extensions: [],
  }),
  layout(42, "getConnectionClaims", { connectionToken: text, ackId: integer, extensions: [] }),
  layout(43, "updateConnectionClaims", { connectionId: text, claims, extensions: [] }),
];

/** The layouts by their numbers. */
export const layouts: ReadonlyMap<number, Layout> = new Map(all.map((each) => [each.id, each]));

const isAcknowledged = ({ parts }: Layout): boolean => parts.some(({ name }) => name === "ackId");
const acknowledged = new Map(all.filter(isAcknowledged).map((each) => [each.type, each]));
const plain = new Map(all.filter((each) => !isAcknowledged(each)).map((each) => [each.type, each]));

/** How a message is written. */
export function layoutOf(message: ServiceMessage): Layout {
  const hasAck = "ackId" in message && message.ackId !== undefined;
  return (hasAck ? acknowledged : plain).get(message.type) as Layout;
}
