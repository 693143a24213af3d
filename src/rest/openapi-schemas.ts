import { MAX_COMMANDS, MAX_NAME_LENGTH } from "./parameters.ts";

/** A JSON Schema, https://json-schema.org/draft/2020-12. */
type Schema = Readonly<Record<string, unknown>>;

const TEXT = { type: "string" };
const WHOLE = { type: "integer", minimum: 0 };
const GROUP = { type: "string", minLength: 1, maxLength: MAX_NAME_LENGTH, pattern: "\\S" };

/** The schemas of the document by their names in it. */
export const schemas: Readonly<Record<string, Schema>> = {
  ErrorDetail: object({ code: TEXT, message: TEXT, target: TEXT }, ["code", "message"]),
  ServiceResponse: object(
    {
      code: TEXT,
      level: { enum: ["Info"] },
      scope: { enum: ["Request", "Connection", "User", "Group"] },
      errorKind: { enum: ["Unknown"] },
      message: TEXT,
      isSuccess: { const: true },
    },
    ["code", "level", "scope", "errorKind", "message", "isSuccess"],
  ),
  PayloadMessage: {
    ...object({ target: { type: "string", minLength: 1 }, arguments: { type: ["array", "null"] } }, [
      "target",
    ]),
    description:
      "What clients are to invoke. Keys may be in any letter case. Arguments are passed on byte by byte.",
  },
  Command: {
    oneOf: [
      command("SendMessage", { message: reference("PayloadMessage") }, ["message"]),
      command("JoinGroup", { group: GROUP }, ["group"]),
      command("LeaveGroup", { group: GROUP }, ["group"]),
      command("CloseConnection", { reason: { type: ["string", "null"] } }, []),
    ],
  },
  ClientTokenResponse: object({ token: TEXT }, ["token"]),
  AccessKeyResponse: object({ AccessKey: TEXT, KeyId: TEXT }, ["AccessKey", "KeyId"]),
  ClientInvocationResponse: {
    ...object({ result: {} }, []),
    description: "`result` is missing where the client's method has none.",
  },
  Connection: object({ connectionId: TEXT, userId: TEXT }, ["connectionId"]),
  User: object({ userId: TEXT, connections: WHOLE }, ["userId", "connections"]),
  Group: object({ group: TEXT, connections: WHOLE }, ["group", "connections"]),
  ConnectionPage: page("Connection", false),
  CountedConnectionPage: page("Connection", true),
  UserPage: page("User", true),
  GroupPage: page("Group", true),
  ConnectionToken: object({ connectionToken: TEXT }, ["connectionToken"]),
  Claim: object({ type: TEXT, value: TEXT }, ["type", "value"]),
  Claims: object({ claims: { type: "array", items: reference("Claim") } }, ["claims"]),
  Refresh: object(
    {
      connectionToken: TEXT,
      expireTime: { type: ["string", "number", "null"], description: "RFC 3339, or seconds since 1970." },
      claims: { type: ["array", "null"], items: reference("Claim") },
    },
    ["connectionToken"],
  ),
};

const JSON_MEDIA_TYPE = "application/json";
const MESSAGES = {
  type: "string",
  description: "A MessagePack map from the name of a hub protocol to `bin`: a framed hub message.",
};

/** Bodies of requests by content type. */
const bodies: Readonly<Record<BodyName, Schemas>> = {
  Message: {
    [JSON_MEDIA_TYPE]: reference("PayloadMessage"),
    "application/octet-stream": MESSAGES,
    "application/x-msgpack": MESSAGES,
  },
  StreamItem: {
    [JSON_MEDIA_TYPE]: {},
    "application/octet-stream": MESSAGES,
    "application/x-msgpack": MESSAGES,
  },
  Commands: { [JSON_MEDIA_TYPE]: { type: "array", maxItems: MAX_COMMANDS, items: reference("Command") } },
  Refresh: { [JSON_MEDIA_TYPE]: reference("Refresh") },
  ConnectionToken: { [JSON_MEDIA_TYPE]: reference("ConnectionToken") },
};

/** Bodies of success by content type. */
const results: Readonly<Record<ResultName, Schemas>> = {
  AccessKey: { [JSON_MEDIA_TYPE]: reference("AccessKeyResponse") },
  ClientToken: { [JSON_MEDIA_TYPE]: reference("ClientTokenResponse") },
  Invocation: {
    [JSON_MEDIA_TYPE]: reference("ClientInvocationResponse"),
    "application/octet-stream": {
      type: "string",
      description:
        "The client's framed Completion in the hub protocol that the header X-ASRS-Protocol names.",
    },
  },
  ConnectionPage: { [JSON_MEDIA_TYPE]: reference("ConnectionPage") },
  CountedConnectionPage: { [JSON_MEDIA_TYPE]: reference("CountedConnectionPage") },
  UserPage: { [JSON_MEDIA_TYPE]: reference("UserPage") },
  GroupPage: { [JSON_MEDIA_TYPE]: reference("GroupPage") },
  Claims: { [JSON_MEDIA_TYPE]: reference("Claims") },
};

type Schemas = Readonly<Record<string, Schema>>;

/** What the body of an operation must be. */
export type BodyName = "Commands" | "ConnectionToken" | "Message" | "Refresh" | "StreamItem";

/** What an operation answers. */
export type ResultName =
  | "AccessKey"
  | "Claims"
  | "ClientToken"
  | "ConnectionPage"
  | "CountedConnectionPage"
  | "GroupPage"
  | "Invocation"
  | "UserPage";

/** https://spec.openapis.org/oas/v3.1.1.html#media-type-object by content type. */
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** The `content` of a body. */
export function bodyContent(name: BodyName): Content {
  return content(bodies[name]);
}

/** The `content` of a success. */
export function resultContent(name: ResultName): Content {
  return content(results[name]);
}

/** The `content` that is JSON of one of the `schemas`. */
export function jsonContent(name: string): Content {
  return content({ [JSON_MEDIA_TYPE]: reference(name) });
}

function content(byType: Schemas): Content {
  return Object.fromEntries(Object.entries(byType).map(([type, schema]) => [type, { schema }]));
}

function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function object(properties: Schemas, required: readonly string[]): Schema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

function command(type: string, properties: Schemas, required: readonly string[]): Schema {
  return object({ type: { const: type }, ...properties }, ["type", ...required]);
}

function page(item: string, hasCount: boolean): Schema {
  return object(
    {
      value: { type: "array", items: reference(item) },
      ...(hasCount && { count: { ...WHOLE, description: "On all pages together, whatever `top` says." } }),
      nextLink: { type: "string", format: "uri", description: "The next page; missing on the last." },
    },
    ["value", ...(hasCount ? ["count"] : [])],
  );
}
