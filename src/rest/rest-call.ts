import type { FastifyReply, FastifyRequest } from "fastify";
import type { ClientMethod } from "../core/client-call.ts";
import { closedByCaller } from "../core/close-reasons.ts";
import { NOBODY } from "../core/delivery.ts";
import { ApiError } from "../core/errors.ts";
import { compileFilter, type Filter } from "../core/filter/filter.ts";
import { FilterError } from "../core/filter/filter-error.ts";
import { hubName, isFullHubName, isHubName } from "../core/hub-name.ts";
import type { Payload } from "../core/payload.ts";
import type { ClientAction, CloseReason } from "../core/ports.ts";
import { prefersBytes } from "./accept.ts";
import type { ApiVersion } from "./api-version.ts";
import { readActions } from "./command-body.ts";
import { readItemBody, readMessageBody, readMethodBody } from "./message-body.ts";
import { checkedGroup, checkedName, invalid, MAX_STREAM_ID_LENGTH, wholeNumber } from "./parameters.ts";
import type { RequestBody } from "./request-body.ts";
import type { RestQuery } from "./rest-query.ts";

const DEFAULT_TOKEN_MINUTES = 60;

/** One call of an operation. Each parameter is checked when it is asked for, and throws an `ApiError` that names it. */
export class RestCall {
  readonly version: ApiVersion;
  readonly query: RestQuery;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;

  constructor(version: ApiVersion, query: RestQuery, request: FastifyRequest, reply: FastifyReply) {
    this.version = version;
    this.query = query;
    this.#request = request;
    this.#reply = reply;
  }

  /** The full name of the hub, of the path's hub and the query's application. */
  get hub(): string {
    const hub = this.#path("hub");
    // v1 has no application: its SDKs write `{application}_{hub}` into the path.
    const isHub = this.version === "v1" ? isFullHubName(hub) : isHubName(hub);
    if (!isHub) throw notAHubName("hub");
    const application = this.query.first("application");
    if (application !== undefined && !isHubName(application)) throw notAHubName("application");
    return hubName(hub, application);
  }

  get group(): string {
    return checkedGroup("group", this.#path("group"));
  }

  get userId(): string {
    return checkedName("user", this.#path("user"));
  }

  get connectionId(): string {
    const connectionId = this.#path("connectionId");
    if (connectionId === "") throw invalid("connectionId", "must not be empty");
    return connectionId;
  }

  get streamId(): string {
    const streamId = this.#path("streamId");
    if (streamId.trim() === "" || streamId.length > MAX_STREAM_ID_LENGTH)
      throw invalid("streamId", `must have 1 to ${MAX_STREAM_ID_LENGTH} characters, not all white space`);
    return streamId;
  }

  /** Ids of connections to leave out: one per `excluded`, a comma separates nothing. */
  get excluded(): ReadonlySet<string> {
    const excluded = this.query.all("excluded");
    return excluded.length === 0 ? NOBODY : new Set(excluded);
  }

  /** How long the user stays in the group without being connected; `"none"` if the caller does not say. */
  get ttlSeconds(): number | "none" {
    const text = this.query.first("ttl");
    return text === undefined
      ? "none"
      : wholeNumber("ttl", text, { min: 0, what: "a whole number of seconds" });
  }

  /** Why a connection is closed; without a `reason` it is told none. */
  get closeReason(): CloseReason {
    return closedByCaller(this.query.first("reason"));
  }

  /** Whom commands are for; `undefined` for everyone. */
  get filter(): Filter | undefined {
    const text = this.query.first("filter");
    if (text === undefined) return undefined;
    try {
      return compileFilter(text);
    } catch (cause) {
      if (!(cause instanceof FilterError)) throw cause;
      throw new ApiError("Error.Request.Invalid", cause.message, "filter", { cause });
    }
  }

  /** Whom a token is for; `undefined` for an anonymous client. */
  get tokenUserId(): string | undefined {
    return this.query.first("userid");
  }

  /** How long a token is valid. */
  get minutesToExpire(): number {
    const text = this.query.first("minutestoexpire");
    return text === undefined ? DEFAULT_TOKEN_MINUTES : wholeNumber("minutesToExpire", text, { min: 1 });
  }

  /** Whether an item is the last of its stream. */
  get completed(): boolean {
    const text = this.query.first("completed")?.toLowerCase();
    if (text !== undefined && text !== "true" && text !== "false")
      throw invalid("completed", "must be true or false");
    return text === "true";
  }

  /** Why a stream has failed: the specification has it in `reason`, the .NET SDK in `error`. */
  get streamError(): string | undefined {
    return this.query.first("reason") ?? this.query.first("error");
  }

  /** The message in the body; its content type says in which form. */
  get payload(): Payload {
    return readMessageBody(this.body);
  }

  /** The method in the body that a client is to answer, in the forms of a message. */
  get clientMethod(): ClientMethod {
    return readMethodBody(this.body);
  }

  /** The item in the body for the stream of the path. */
  get streamItem(): Payload {
    return readItemBody(this.body, this.streamId);
  }

  /** What the commands in the body come to. */
  get actions(): ClientAction[] {
    return readActions(this.body);
  }

  get body(): RequestBody {
    const { body, headers } = this.#request;
    return { headers, bytes: body instanceof Buffer ? body : undefined };
  }

  /** Whether the caller takes the bytes of a result rather than JSON. */
  get prefersBytes(): boolean {
    return prefersBytes(this.#request.headers.accept);
  }

  /** Aborted when the caller has gone without its answer. Not the request's own signal: that is aborted when the body has come. */
  get signal(): AbortSignal {
    const response = this.#reply.raw;
    const gone = new AbortController();
    if (response.destroyed) gone.abort();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    return gone.signal;
  }

  /** Where the caller has reached the service, as far as its request tells. */
  get origin(): string {
    const origin = `http://${this.#request.headers.host}`;
    return URL.canParse(origin) ? origin : "http://localhost";
  }

  /**
   * The URL of this request with another value of one parameter. Its path is the caller's to the letter: tokens are for paths.
   * @param publicUrl where the service is reached; `undefined` for `origin`
   */
  linkWith(publicUrl: string | undefined, parameter: string, value: string): string {
    const { url } = this.#request;
    const [, path = "", query = ""] = /^(?:[a-z]+:\/\/[^/?]*)?([^?]*)\??(.*)$/i.exec(url) ?? [];
    const others = [...new URLSearchParams(query)].filter(
      ([name]) => name.toLowerCase() !== parameter.toLowerCase(),
    );
    const base = (publicUrl ?? this.origin).replace(/\/$/, "");
    return `${base}${path}?${new URLSearchParams([...others, [parameter, value]]).toString()}`;
  }

  #path(parameter: "hub" | "group" | "user" | "connectionId" | "streamId"): string {
    const parameters = this.#request.params as Readonly<Partial<Record<string, string>>>;
    return parameters[parameter] ?? "";
  }
}

function notAHubName(parameter: "hub" | "application"): ApiError {
  return invalid(
    parameter,
    "must have 1 to 128 characters, begin with a letter, and then have letters, digits and _ ` , . [ ] only",
  );
}
