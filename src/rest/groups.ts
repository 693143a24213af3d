import { ApiError } from "../core/errors.ts";
import { always } from "./api-version.ts";
import { type Operation, success } from "./operation.ts";
import { pageAnswer } from "./paging.ts";

/** The connections in a group. */
export const groupOperations: readonly Operation[] = [
  {
    method: "HEAD",
    path: "/hubs/{hub}/groups/{group}",
    access: "read",
    statuses: always(200),
    response: success("Group", "The group has connections."),
    summary: "Whether a group has connections.",
    errors: ["Warning.Group.NotExisted"],
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
    summary: "Sends a message to the connections in a group.",
    query: ["excluded"],
    body: "Message",
    run: ({ hub, group, excluded, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "group", group }, excluding: excluded, payload }),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/groups/{group}/:closeConnections",
    access: "write",
    statuses: always(204),
    summary: "Closes the connections in a group.",
    query: ["excluded", "reason"],
    run: async ({ hub, group, excluded, closeReason }, { router }) => {
      await router.close(hub, { to: "group", group }, excluded, closeReason);
    },
  },
  {
    method: "GET",
    path: "/hubs/{hub}/groups/{group}/connections",
    access: "read",
    statuses: { "2024-12-01": 200 },
    summary: "The connections in a group, page by page.",
    query: ["top", "maxpagesize", "continuationToken"],
    result: "ConnectionPage",
    run: (call, services) => {
      const { hub, group } = call;
      return pageAnswer(call, services, {
        scope: [hub, "group", group],
        list: (page) => services.router.listConnections(hub, { to: "group", group }, page),
        keyOf: ({ connectionId }) => connectionId,
      });
    },
  },
  {
    method: "PUT",
    path: "/hubs/{hub}/groups/{group}/connections/{connectionId}",
    v1Paths: ["/hubs/{hub}/connections/{connectionId}/groups/{group}"],
    access: "write",
    statuses: always(200),
    response: success("Group", "The connection is in the group."),
    summary: "Adds a connection to a group.",
    errors: ["Error.Connection.NotExisted"],
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
    summary: "Removes a connection from a group.",
    run: ({ hub, group, connectionId }, { router }) =>
      router.removeFromGroup(hub, { to: "connection", connectionId }, group),
  },
];
