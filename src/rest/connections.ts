import { NOBODY } from "../core/delivery.ts";
import { ApiError } from "../core/errors.ts";
import { always } from "./api-version.ts";
import { type Operation, success } from "./operation.ts";

/** One connection. */
export const connectionOperations: readonly Operation[] = [
  {
    method: "HEAD",
    path: "/hubs/{hub}/connections/{connectionId}",
    access: "read",
    statuses: always(200),
    response: success("Connection", "The connection exists."),
    summary: "Whether a connection exists.",
    errors: ["Warning.Connection.NotExisted"],
    run: async ({ hub, connectionId }, { router }) => {
      if (!(await router.exists(hub, { to: "connection", connectionId }))) throw notExisted();
    },
  },
  {
    method: "DELETE",
    path: "/hubs/{hub}/connections/{connectionId}",
    access: "write",
    statuses: { v1: 202, "2020-10-01": 200, "2022-06-01": 200 },
    response: success("Connection", "The connection is closed."),
    summary: "Closes a connection.",
    query: ["reason"],
    errors: ["Warning.Connection.NotExisted"],
    run: async ({ version, hub, connectionId, closeReason }, { router }) => {
      const closed = await router.close(hub, { to: "connection", connectionId }, NOBODY, closeReason);
      // v1 accepts the wish, and has no status for a connection that is not there.
      if (closed === 0 && version !== "v1") throw notExisted();
    },
  },
  {
    method: "POST",
    path: "/hubs/{hub}/connections/{connectionId}/:send",
    v1Paths: ["/hubs/{hub}/connections/{connectionId}"],
    access: "write",
    statuses: always(202),
    response: success("Connection", "The message is on its way to the connection."),
    summary: "Sends a message to a connection.",
    body: "Message",
    run: ({ hub, connectionId, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "connection", connectionId }, excluding: NOBODY, payload }),
  },
  {
    method: "DELETE",
    path: "/hubs/{hub}/connections/{connectionId}/groups",
    access: "write",
    statuses: always(200),
    response: success("Connection", "The connection is in no group."),
    summary: "Removes a connection from all groups.",
    run: ({ hub, connectionId }, { router }) =>
      router.removeFromAllGroups(hub, { to: "connection", connectionId }),
  },
];

/** What a caller is told who names a connection that is not there. */
export function notExisted(): ApiError {
  return new ApiError(
    "Warning.Connection.NotExisted",
    "The hub has no connection with this id.",
    "connectionId",
  );
}
