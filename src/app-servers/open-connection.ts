import { claimValue, inboundClaims } from "../auth/inbound-claims.ts";
import type { Client } from "../core/client.ts";
import type { ConnectRequest } from "../core/ports.ts";
import type { ServiceHeaders, ServiceMessage } from "../protocol/service-message.ts";

export type OpenConnection = Extract<ServiceMessage, { readonly type: "openConnection" }>;

/** What is between two hops, and what would hand the client's secret on. */
const NOT_PASSED_ON = new Set([
  "authorization",
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "content-length",
]);
const FORWARDED_FOR = "x-forwarded-for";
const IPV4_AS_IPV6 = /^::ffff:(?=\d+\.)/i;

/**
 * What an app server is told of a client, docs/spec/service-protocol.md §5.3: the claims of its token with .NET's names, the
 * headers and the query of its request, its hub protocol and its address.
 */
export function openConnectionOf({ origin, protocol }: Client, request: ConnectRequest): OpenConnection {
  const { connectionId, identity, query } = origin;
  const { claims } = identity;
  const headers = forwardedHeaders(request);
  if (claimValue(claims, "asrs.s.dc")?.toLowerCase() === "true")
    headers.push(["Asrs-Is-Diagnostic-Client", ["true"]]);
  return {
    type: "openConnection",
    connectionId,
    claims: inboundClaims(claims),
    headers,
    query,
    protocol: protocol.name,
  };
}

/** No name comes twice in any letter case, or the SDK would lose the client. */
function forwardedHeaders({ rawHeaders, socket }: ConnectRequest): [string, string[]][] {
  const byName = new Map<string, [string, string[]]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    const key = name.toLowerCase();
    if (NOT_PASSED_ON.has(key) || key.startsWith("sec-websocket-") || key.startsWith("asrs-")) continue;
    const known = byName.get(key);
    if (known === undefined) byName.set(key, [name, [value]]);
    else known[1].push(value);
  }
  const forwarded = byName.get(FORWARDED_FOR)?.[1] ?? [];
  byName.delete(FORWARDED_FOR);
  const address = socket.remoteAddress?.replace(IPV4_AS_IPV6, "") ?? "";
  const all = [...byName.values()];
  // The SDK takes what is before the first comma of the first value.
  if (address !== "") all.push(["X-Forwarded-For", [[address, ...forwarded].join(", ")]]);
  return all;
}

/** The same client for another app server. */
export function migratedFrom(opening: OpenConnection, serverId: string): OpenConnection {
  const headers: ServiceHeaders = [...opening.headers, ["Asrs-Migrate-From", [serverId]]];
  return { ...opening, headers };
}
