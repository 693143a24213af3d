import type { ListedConnection, Router } from "../core/ports.ts";
import { ServiceMessageWriter } from "../protocol/service-message-writer.ts";

const MAX_PAGE = 5_000;
const USUAL_PAGE = 200;

/** A question for the members of a group, docs/spec/service-protocol.md §3.7. */
export interface GroupMemberQuery {
  readonly group: string;
  /** 0 or less: as many as is usual. */
  readonly max: number;
  readonly continuationToken: string | null;
}

/**
 * A page of a group's members as the payload of an acknowledgement: `[[[connectionId, userId|nil], …], continuationToken|nil]`.
 * The token is the last connection id: pages go by ids, and nothing is kept between them.
 */
export async function groupMembers(
  router: Router,
  hub: string,
  { group, max, continuationToken }: GroupMemberQuery,
): Promise<Buffer> {
  const limit = max > 0 ? Math.min(max, MAX_PAGE) : USUAL_PAGE;
  const after = continuationToken || undefined;
  const { items, hasMore } = await router.listConnections(hub, { to: "group", group }, { after, limit });
  return pageOf(items, hasMore ? items.at(-1)?.connectionId : undefined);
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
