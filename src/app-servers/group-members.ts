import type { ListedConnection, Router } from "../core/ports.ts";
import { ServiceMessageWriter } from "../protocol/service-message-writer.ts";

const MAX_PAGE = 5_000;
const USUAL_PAGE = 200;

/** A question for the members of a group, docs/spec/service-protocol.md §3.7. */
export interface GroupMemberQuery {
  readonly group: string;
  /** Members still wanted; `null`, 0 or less: all. */
  readonly max: number | null;
  readonly continuationToken: string | null;
  /** Members of this page at most; `null`, 0 or less: as many as is usual. */
  readonly maxPageSize: number | null;
}

/**
 * A page of a group's members as the payload of an acknowledgement: `[[[connectionId, userId|nil], …], continuationToken|nil]`.
 * The token is the last connection id: pages go by ids, and nothing is kept between them.
 */
export async function groupMembers(
  router: Pick<Router, "listConnections">,
  hub: string,
  { group, max, continuationToken, maxPageSize }: GroupMemberQuery,
): Promise<Buffer> {
  const limit = Math.min(limitOf(max, MAX_PAGE), limitOf(maxPageSize, USUAL_PAGE), MAX_PAGE);
  const after = continuationToken || undefined;
  const { items, hasMore } = await router.listConnections(hub, { to: "group", group }, { after, limit });
  return pageOf(items, hasMore ? items.at(-1)?.connectionId : undefined);
}

function limitOf(asked: number | null, otherwise: number): number {
  return asked !== null && asked > 0 ? asked : otherwise;
}

function pageOf(members: readonly ListedConnection[], continuationToken: string | undefined): Buffer {
  const out = new ServiceMessageWriter();
  out.arrayHeader(2);
  out.arrayHeader(members.length);
  for (const { connectionId, userId } of members) {
    out.arrayHeader(2);
    out.text(connectionId);
    if (userId === undefined) out.nil();
    else out.text(userId);
  }
  if (continuationToken === undefined) out.nil();
  else out.text(continuationToken);
  return out.take();
}
