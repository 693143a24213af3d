import type { FastifyRequest } from "fastify";
import { NOBODY } from "../core/delivery.ts";
import { ApiError } from "../core/errors.ts";
import { hubName, isFullHubName, isHubName } from "../core/hub-name.ts";
import type { Payload } from "../core/payload.ts";
import type { CloseReason } from "../core/ports.ts";
import type { ApiVersion } from "./api-version.ts";
import { readMessageBody } from "./message-body.ts";
import type { RequestBody } from "./request-body.ts";
import type { RestQuery } from "./rest-query.ts";

const MAX_NAME_LENGTH = 1024;
const MAX_TTL_SECONDS = 2 ** 31 - 1;

/** One call of an operation. Each parameter is checked when it is asked for, and throws an `ApiError` that names it. */
export class RestCall {
  readonly version: ApiVersion;
  readonly #request: FastifyRequest;
  readonly #query: RestQuery;

  constructor(version: ApiVersion, request: FastifyRequest, query: RestQuery) {
    this.version = version;
    this.#request = request;
    this.#query = query;
  }

  /** The full name of the hub, of the path's hub and the query's application. */
  get hub(): string {
    const hub = this.#path("hub");
    // v1 has no application: its SDKs write `{application}_{hub}` into the path.
    const isHub = this.version === "v1" ? isFullHubName(hub) : isHubName(hub);
    if (!isHub) throw notAHubName("hub");
    const application = this.#query.first("application");
    if (application !== undefined && !isHubName(application)) throw notAHubName("application");
    return hubName(hub, application);
  }

  get group(): string {
    const group = this.#name("group");
    if (group.trim() === "") throw invalid("group", "must not consist of white space only");
    return group;
  }

  get userId(): string {
    return this.#name("user");
  }

  get connectionId(): string {
    const connectionId = this.#path("connectionId");
    if (connectionId === "") throw invalid("connectionId", "must not be empty");
    return connectionId;
  }

  /** Ids of connections to leave out: one per `excluded`, a comma separates nothing. */
  get excluded(): ReadonlySet<string> {
    const excluded = this.#query.all("excluded");
    return excluded.length === 0 ? NOBODY : new Set(excluded);
  }

  /** How long the user stays in the group without being connected; `"none"` if the caller does not say. */
  get ttlSeconds(): number | "none" {
    const text = this.#query.first("ttl");
    if (text === undefined) return "none";
    const seconds = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(seconds <= MAX_TTL_SECONDS))
      throw invalid("ttl", `must be a whole number of seconds from 0 to ${MAX_TTL_SECONDS}`);
    return seconds;
  }

  /** Why a connection is closed; without a `reason` it is told none. */
  get closeReason(): CloseReason {
    const message = this.#query.first("reason") ?? "";
    return { category: "ClosedByAppServer", message, allowReconnect: true };
  }

  /** The message in the body; its content type says in which form. */
  get payload(): Payload {
    return readMessageBody(this.#body);
  }

  get #body(): RequestBody {
    const { body, headers } = this.#request;
    return { headers, bytes: body instanceof Buffer ? body : undefined };
  }

  /** 1 to 1024 UTF-16 units, as Azure's validation counts. */
  #name(parameter: "group" | "user"): string {
    const name = this.#path(parameter);
    if (name.length < 1 || name.length > MAX_NAME_LENGTH)
      throw invalid(parameter, `must have 1 to ${MAX_NAME_LENGTH} characters, and has ${name.length}`);
    return name;
  }

  #path(parameter: "hub" | "group" | "user" | "connectionId"): string {
    const parameters = this.#request.params as Readonly<Partial<Record<string, string>>>;
    return parameters[parameter] ?? "";
  }
}

function invalid(parameter: string, rule: string): ApiError {
  return new ApiError("Error.Request.Invalid", `'${parameter}' ${rule}.`, parameter);
}

function notAHubName(parameter: "hub" | "application"): ApiError {
  return invalid(
    parameter,
    "must have 1 to 128 characters, begin with a letter, and then have letters, digits and _ ` , . [ ] only",
  );
}
