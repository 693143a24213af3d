import { MAX_FILTER_LENGTH } from "../core/filter/parse.ts";
import { MAX_NAME_LENGTH, MAX_PAGE_SIZE, MAX_STREAM_ID_LENGTH } from "./parameters.ts";

/** One parameter of an OpenAPI operation, https://spec.openapis.org/oas/v3.1.1.html#parameter-object. */
export interface ParameterObject {
  readonly name: string;
  readonly in: "path" | "query";
  readonly description: string;
  readonly required?: true;
  readonly schema: Readonly<Record<string, unknown>>;
}

const NAME = { type: "string", minLength: 1, maxLength: MAX_NAME_LENGTH };
const HUB = { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_`,.[\\]]{0,127}$" };

/** Parameters in the path, by the names that they have in it. */
export const pathParameters: Readonly<Record<string, Pick<ParameterObject, "description" | "schema">>> = {
  hub: { description: "The hub; its letter case does not matter.", schema: HUB },
  group: { description: "The group.", schema: { ...NAME, pattern: "\\S" } },
  user: { description: "The user.", schema: NAME },
  connectionId: { description: "The connection's id.", schema: { type: "string", minLength: 1 } },
  streamId: {
    description: "The invocation id with which the client has asked for the stream.",
    schema: { type: "string", minLength: 1, maxLength: MAX_STREAM_ID_LENGTH, pattern: "\\S" },
  },
};

const FROM_1 = { type: "integer", format: "int32", minimum: 1 };

/** A parameter in the query that an operation may name. */
export type QueryParameter =
  | "application"
  | "completed"
  | "continuationToken"
  | "error"
  | "excluded"
  | "filter"
  | "maxpagesize"
  | "minutesToExpire"
  | "reason"
  | "streamReason"
  | "top"
  | "ttl"
  | "userId";

const parameters: Readonly<Record<QueryParameter, Omit<ParameterObject, "in">>> = {
  application: {
    name: "application",
    description: "The application that the hub belongs to: the hub's full name is `{application}_{hub}`.",
    schema: HUB,
  },
  excluded: {
    name: "excluded",
    description: "Ids of connections to leave out, one per parameter.",
    schema: { type: "array", items: { type: "string" } },
  },
  reason: {
    name: "reason",
    description: "Why; told to clients whose token allows details.",
    schema: { type: "string" },
  },
  ttl: {
    name: "ttl",
    description:
      "Seconds for which connections to come join the group too; 0 for none of them, left out for a year.",
    schema: { type: "integer", format: "int32", minimum: 0 },
  },
  filter: {
    name: "filter",
    description:
      "Which connections, in OData: `userId eq 'ann' and 'news' in groups`. Left out: all of the hub. docs/filter.md.",
    schema: { type: "string", maxLength: MAX_FILTER_LENGTH },
  },
  userId: {
    name: "userId",
    description: "Who the client is; left out for an anonymous one.",
    schema: { type: "string" },
  },
  minutesToExpire: {
    name: "minutesToExpire",
    description: "How long the token opens the client endpoint.",
    schema: { ...FROM_1, default: 60 },
  },
  completed: {
    name: "completed",
    description: "Whether the item is the last of the stream.",
    schema: { type: "boolean", default: false },
  },
  streamReason: {
    name: "reason",
    description: "Why the stream has failed; left out where it has not.",
    schema: { type: "string" },
  },
  error: {
    name: "error",
    description: "The same as `reason`, by the name that the .NET SDK uses.",
    schema: { type: "string" },
  },
  top: {
    name: "top",
    description: "Items on all pages together; left out for all there are.",
    schema: FROM_1,
  },
  maxpagesize: {
    name: "maxpagesize",
    description: "Items on one page, at most.",
    schema: { ...FROM_1, maximum: MAX_PAGE_SIZE, default: MAX_PAGE_SIZE },
  },
  continuationToken: {
    name: "continuationToken",
    description: "Where to go on; comes with the `nextLink` of the page before.",
    schema: { type: "string" },
  },
};

/** What the document says of a parameter in the query. */
export function queryParameter(key: QueryParameter): ParameterObject {
  return { ...parameters[key], in: "query" };
}
