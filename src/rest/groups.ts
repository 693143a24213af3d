import { ApiError } from "../core/errors.ts";
import { always, type Operation, success } from "./operation.ts";

/** The connections in a group. */
export const groupOperations: readonly Operation[] = [
  {
    method: "HEAD",
    path: "/hubs/{hub}/groups/{group}",
    access: "read",
    statuses: always(200),
    response: success("Group", "The group has connections."),
    run: async ({ hub, group }, { router }) => {
      if (!(await router.exists(hub, { to: "group", group })))
        throw new ApiError("Warning.Group.NotExisted", "No connection of the hub is in this group.", "group");
    },
  },
  {
    method: "POST",
    path: "/hubs/{hub}/groups/{group}/:send",
    v1Paths: ["/hubs/{hub}/groups/{group}"],
    access: "write",
    statuses: always(202),
    response: success("Group", "The message is on its way to the connections in the group."),
    run: ({ hub, group, excluded, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "group", group }, excluding: excluded, payload }),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/groups/{group}/:closeConnections",
    access: "write",
    statuses: always(204),
    run: async ({ hub, group, excluded, closeReason }, { router }) => {
      await router.close(hub, { to: "group", group }, excluded, closeReason);
    },
  },
  {
    method: "PUT",
    path: "/hubs/{hub}/groups/{group}/connections/{connectionId}",
    v1Paths: ["/hubs/{hub}/connections/{connectionId}/groups/{group}"],
    access: "write",
    statuses: always(200),
    response: success("Group", "The connection is in the group."),
    run: async ({ hub, group, connectionId }, { router }) => {
      if ((await router.addToGroup(hub, { to: "connection", connectionId }, group)) === 0)
        throw new ApiError(
          "Error.Connection.NotExisted",
          "The hub has no connection with this id.",
          "connectionId",
        );
    },
  },
  {
    method: "DELETE",
    path: "/hubs/{hub}/groups/{group}/connections/{connectionId}",
    v1Paths: ["/hubs/{hub}/connections/{connectionId}/groups/{group}"],
    access: "write",
    statuses: always(200),
    response: success("Group", "The connection is not in the group."),
    run: ({ hub, group, connectionId }, { router }) =>
      router.removeFromGroup(hub, { to: "connection", connectionId }, group),
  },
];
