/*
 * Which token is for which request, docs/spec/rest-api.md §2.2 and docs/spec/service-protocol.md §2.2.
 *
 * SDKs disagree about scheme, host, port, query, trailing slash and escaping of `aud`, and a proxy may hide what the caller
 * saw; so only the path decides, segment by segment and unescaped, and for clients and app servers the `hub` of the query.
 * Folders before it are ignored: they are the path under which a proxy shows the service.
 * A hub is compared in any letter case, everything else exactly.
 */

/** Whether a token with this `aud` claim opens `/client` of the hub. */
export function audienceAllowsClient(audience: unknown, hub: string): boolean {
  return someAudience(audience, (url) => isHubEndpoint(url, "client", hub));
}

/** Whether a token with this `aud` claim opens `/server` of the hub. */
export function audienceAllowsServer(audience: unknown, hub: string): boolean {
  return someAudience(audience, (url) => isHubEndpoint(url, "server", hub));
}

/**
 * Whether a token with this `aud` claim allows the REST operation at this path. The application, which REST has in the
 * query, does not count: SDKs leave it out of `aud`, or not, by version.
 * @param requestPath as it came in, still escaped; a query is ignored
 */
export function audienceAllowsRest(audience: unknown, requestPath: string): boolean {
  const { path } = partsOf(requestPath);
  return someAudience(audience, (url) => {
    const { path: allowed } = partsOf(url);
    return allowed === path || isSamePath(segmentsOf(allowed), segmentsOf(path));
  });
}

function someAudience(audience: unknown, allows: (url: string) => boolean): boolean {
  const urls: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  return urls.some((url) => typeof url === "string" && allows(url));
}

function isHubEndpoint(url: string, endpoint: "client" | "server", hub: string): boolean {
  const { path, query } = partsOf(url);
  if (segmentsOf(path).at(-1) !== endpoint) return false;
  const hubs = new URLSearchParams(query).getAll("hub");
  return hubs.length === 1 && hubs[0]?.toLowerCase() === hub.toLowerCase();
}

function isSamePath(allowed: readonly string[], requested: readonly string[]): boolean {
  const folders = allowed.length - requested.length;
  const hubAt = requested.findIndex((_, index) => requested[index - 1] === "hubs");
  return requested.every((segment, index) => {
    const other = allowed[index + folders];
    return other === segment || (index === hubAt && other?.toLowerCase() === segment.toLowerCase());
  });
}

/** Path and query of a URL, or of what a caller takes for one: never fails, resolves nothing, unescapes nothing. */
function partsOf(url: string): { path: string; query: string } {
  const [, path = "", query = ""] =
    /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/i.exec(url) ?? [];
  return { path, query };
}

/** The unescaped segments. `a%2Fb` stays one segment, so that no id can be mistaken for more of the path. */
function segmentsOf(path: string): string[] {
  return path.replace(/^\//, "").replace(/\/$/, "").split("/").map(unescaped);
}

function unescaped(segment: string): string {
  return segment.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.toUpperCase(); // not UTF-8; RFC 3986 §6.2.2.1 has hex digits in any letter case
    }
  });
}
