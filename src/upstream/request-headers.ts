import { createHmac } from "node:crypto";
import type { ClientOrigin } from "../core/client.ts";
import type { ClientIdentity } from "../core/identity.ts";
import type { TemplateAuth } from "../core/upstream-template.ts";
import type { Call } from "./call.ts";

/** Who an event is about. */
export interface Subject extends Pick<ClientOrigin, "connectionId" | "hub" | "query"> {
  readonly identity: Pick<ClientIdentity, "userId" | "claims">;
}

/**
 * The headers that all events of one connection have, names and values in turn,
 * docs/spec/serverless-upstream.md §3.3.
 */
export function connectionHeaders(
  { connectionId, hub, query, identity }: Subject,
  accessKeys: readonly string[],
): string[] {
  const headers = [
    "X-ASRS-Connection-Id",
    headerText(connectionId),
    "X-ASRS-Hub",
    headerText(hub),
    "X-ASRS-Signature",
    signature(connectionId, accessKeys),
  ];
  if (identity.userId !== undefined) headers.push("X-ASRS-User-Id", headerText(identity.userId));
  const claims = identity.claims.map(([type, value]) => `${type}: ${value}`).join(", ");
  if (claims !== "") headers.push("X-ASRS-User-Claims", headerText(claims));
  if (query !== "") headers.push("X-ASRS-Client-Query", headerText(query));
  return headers;
}

/** The headers that differ from event to event. */
export function eventHeaders({ category, event, contentType }: Call): string[] {
  return ["X-ASRS-Category", category, "X-ASRS-Event", headerText(event), "Content-Type", contentType];
}

/** The headers that a template's `Auth` adds. They are secrets. */
export function authHeaders(auth: TemplateAuth, bearer: string | undefined): string[] {
  if (auth.type === "headers") return auth.headers.flatMap(({ name, value }) => [name, value]);
  return bearer === undefined ? [] : ["Authorization", `Bearer ${bearer}`];
}

/** One digest for each access key, joined so that Functions finds each, docs/spec/serverless-upstream.md §3.4. */
export function signature(connectionId: string, accessKeys: readonly string[]): string {
  return accessKeys
    .map((key) => `sha256=${createHmac("sha256", key).update(connectionId).digest("hex").toUpperCase()}`)
    .join(",");
}

/**
 * Text as a header can carry it unharmed: what is not printable ASCII, and spaces at its ends, are percent-encoded
 * UTF-8. A `%` stays what it is.
 */
export function headerText(text: string): string {
  return text.toWellFormed().replaceAll(/^ +| +$|[^\x20-\x7e]+/g, (found) => encodeURIComponent(found));
}
