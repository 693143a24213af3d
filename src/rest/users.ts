import { NOBODY } from "../core/delivery.ts";
import { ApiError } from "../core/errors.ts";
import { always } from "./api-version.ts";
import { type Operation, success } from "./operation.ts";

/** The connections of a user, and the groups that the user is in. */
export const userOperations: readonly Operation[] = [
  {
    method: "HEAD",
    path: "/hubs/{hub}/users/{user}",
    access: "read",
    statuses: always(200),
    response: success("User", "The user has connections."),
    summary: "Whether a user has connections.",
    errors: ["Warning.User.NotExisted"],
    run: async ({ hub, userId }, { router }) => {
      if (!(await router.exists(hub, { to: "user", userId })))
        throw new ApiError("Warning.User.NotExisted", "No connection of the hub is this user's.", "user");
    },
  },
  {
    method: "POST",
    path: "/hubs/{hub}/users/{user}/:send",
    v1Paths: ["/hubs/{hub}/users/{user}"],
    access: "write",
    statuses: always(202),
    response: success("User", "The message is on its way to the connections of the user."),
    summary: "Sends a message to the connections of a user.",
    body: "Message",
    run: ({ hub, userId, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "user", userId }, excluding: NOBODY, payload }),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/users/{user}/:closeConnections",
    access: "write",
    statuses: always(204),
    summary: "Closes the connections of a user.",
    query: ["excluded", "reason"],
    run: async ({ hub, userId, excluded, closeReason }, { router }) => {
      await router.close(hub, { to: "user", userId }, excluded, closeReason);
    },
  },
  {
    method: "HEAD",
    path: "/hubs/{hub}/users/{user}/groups/{group}",
    v1Paths: ["/hubs/{hub}/groups/{group}/users/{user}"],
    access: "read",
    statuses: always(200),
    response: success("User", "The user is in the group."),
    summary: "Whether a user is in a group.",
    errors: ["Info.User.NotInGroup"],
    run: async ({ hub, userId, group }, { userGroups }) => {
      if (!(await stored(userGroups.has({ hub, userId, group }))))
        throw new ApiError("Info.User.NotInGroup", "The user is not in the group.", "user");
    },
  },
  {
    method: "PUT",
    path: "/hubs/{hub}/users/{user}/groups/{group}",
    v1Paths: ["/hubs/{hub}/groups/{group}/users/{user}"],
    access: "write",
    statuses: { v1: 202, "2020-10-01": 202, "2022-06-01": 200 },
    response: success("User", "The user is in the group."),
    summary: "Adds a user to a group: the connections it has, and those it will have.",
    query: ["ttl"],
    run: ({ hub, userId, group, ttlSeconds }, { userGroups }) =>
      stored(userGroups.add({ hub, userId, group }, ttlSeconds)),
  },
  {
    method: "DELETE",
    path: "/hubs/{hub}/users/{user}/groups/{group}",
    v1Paths: ["/hubs/{hub}/groups/{group}/users/{user}"],
    access: "write",
    statuses: { v1: 202, "2020-10-01": 200, "2022-06-01": 204 },
    summary: "Removes a user from a group.",
    run: ({ hub, userId, group }, { userGroups }) => stored(userGroups.remove({ hub, userId, group })),
  },
  {
    method: "DELETE",
    path: "/hubs/{hub}/users/{user}/groups",
    access: "write",
    statuses: { v1: 200, "2020-10-01": 200, "2022-06-01": 204 },
    summary: "Removes a user from all groups.",
    run: ({ hub, userId }, { userGroups }) => stored(userGroups.removeAll(hub, userId)),
  },
];

/** What comes of the membership store. @throws {ApiError} with the store's failure as its cause: the caller may try again */
async function stored<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new ApiError("Error.Service.Unavailable", "The store of group memberships has failed.", undefined, {
      cause,
    });
  }
}
