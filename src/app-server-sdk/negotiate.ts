import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mintClientToken } from "../auth/token.ts";
import { isReservedClaim, renamedClaim } from "./open-request.ts";
import type { Settings } from "./settings.ts";

/** Who a client is, and what it came with. */
export interface NegotiateOptions {
  readonly userId?: string;
  /** Told to the app server that serves the client; a claim with several values is a list. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>;
  /** How long the client may take to connect, also again; default an hour. */
  readonly lifetimeSeconds?: number;
}

/** Where a client goes on, and what lets it in: the answer to its negotiate request. */
export interface NegotiateAnswer {
  readonly url: string;
  readonly accessToken: string;
}

/** What came with the client's request. */
export interface NegotiateRequest extends NegotiateOptions {
  /** The hub's path in the application, without `/negotiate`. */
  readonly path?: string;
  /** The request's query, without `?`. */
  readonly query?: string;
}

/** Who asks: its options, or `undefined` for nobody that is let in. */
export type Authenticate = (
  request: IncomingMessage,
) => NegotiateOptions | undefined | Promise<NegotiateOptions | undefined>;

/** A request handler for node:http, and for whatever takes the same. */
export type NegotiateHandler = (request: IncomingMessage, response: ServerResponse) => void;

const LIFETIME_SECONDS = 3_600;
/** What clients' requests, and services, take. */
const MAX_TOKEN_CHARACTERS = 4_096;

/** The claims make a token that is too long to be sent. */
export class TokenTooLongError extends Error {
  override readonly name = "TokenTooLongError";

  constructor() {
    super("AccessToken must not be longer than 4K.");
  }
}

/**
 * The redirect to the service, docs/spec/service-protocol.md §1.4.
 * @throws {TokenTooLongError}
 */
export function negotiateAnswer(settings: Settings, request: NegotiateRequest): NegotiateAnswer {
  const { connection, hub, detailedErrors, clock } = settings;
  const { userId, claims = {}, path = "", query = "", lifetimeSeconds = LIFETIME_SECONDS } = request;
  const accessToken = mintClientToken({
    endpoint: connection.audienceBase,
    hub,
    userId,
    accessKey: connection.accessKey,
    lifetimeSeconds,
    nowMs: clock.epochMs(),
    claims: { ...ownClaims(claims), ...(detailedErrors && { "asrs.s.derror": "True" }) },
  });
  if (accessToken.length > MAX_TOKEN_CHARACTERS) throw new TokenTooLongError();
  const parameters = [
    `hub=${encodeURIComponent(hub)}`,
    ...(path === "" ? [] : [`asrs.op=${encodeURIComponent(path)}`]),
    ...(query === "" ? [] : [query]),
    `asrs_request_id=${randomUUID()}`,
  ];
  return { url: `${connection.clientBase}client/?${parameters.join("&")}`, accessToken };
}

/** Answers negotiate requests. @param isConnected whether clients would be served */
export function negotiateHandler(
  settings: Settings,
  authenticate: Authenticate,
  isConnected: () => boolean,
): NegotiateHandler {
  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: string]> => {
    if (request.method !== "POST") return [405, "Negotiating is a POST."];
    const options = await authenticate(request);
    if (options === undefined) return [401, "Who are you?"];
    if (!isConnected()) return [503, "The app server is not connected to the service yet; try again later."];
    const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname.replace(/\/negotiate\/?$/i, "");
    const redirect = negotiateAnswer(settings, { ...options, path, query: search.slice(1) });
    return [200, JSON.stringify({ negotiateVersion: 0, ...redirect, availableTransports: [] })];
  };
  return (request, response) => {
    request.resume();
    answer(request)
      .catch((error: unknown): readonly [number, string] =>
        error instanceof TokenTooLongError ? [413, error.message] : [500, "Negotiating failed."],
      )
      .then(([status, body]) => {
        response.writeHead(status, { "Content-Type": status === 200 ? "application/json" : "text/plain" });
        response.end(body);
      })
      .catch(() => response.destroy());
  };
}

function ownClaims(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [isReservedClaim(name) ? renamedClaim(name) : name, value]),
  );
}
