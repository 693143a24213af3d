import type { Audience } from "../core/delivery.ts";
import type { Operation, RestAnswer, RestServices } from "./operation.ts";
import { pageAnswer } from "./paging.ts";
import type { RestCall } from "./rest-call.ts";

const PAGING = {
  method: "GET",
  access: "read",
  statuses: { hubwire: 200 },
  query: ["top", "maxpagesize", "continuationToken"],
} as const satisfies Partial<Operation>;

/** Who is there: what Azure's API does not tell, on a path of our own, docs/rest-additions.md. */
export const listOperations: readonly Operation[] = [
  {
    ...PAGING,
    path: "/hubs/{hub}/connections",
    summary: "The connections of a hub, and how many there are, page by page.",
    result: "CountedConnectionPage",
    run: (call, services) => connections(call, services, { to: "all" }),
  },
  {
    ...PAGING,
    path: "/hubs/{hub}/users/{user}/connections",
    summary: "The connections of a user, and how many there are, page by page.",
    result: "CountedConnectionPage",
    run: (call, services) => connections(call, services, { to: "user", userId: call.userId }),
  },
  {
    ...PAGING,
    path: "/hubs/{hub}/groups/{group}/connections",
    summary: "The connections in a group, and how many there are, page by page.",
    result: "CountedConnectionPage",
    run: (call, services) => connections(call, services, { to: "group", group: call.group }),
  },
  {
    ...PAGING,
    path: "/hubs/{hub}/users",
    summary: "The users that have connections, and how many each has, page by page.",
    result: "UserPage",
    run: (call, services) => {
      const { hub } = call;
      return pageAnswer(call, services, {
        scope: [hub, "users"],
        list: (page) => services.router.listUsers(hub, page),
        keyOf: ({ userId }) => userId,
        hasCount: true,
      });
    },
  },
  {
    ...PAGING,
    path: "/hubs/{hub}/groups",
    summary: "The groups that have connections, and how many each has, page by page.",
    result: "GroupPage",
    run: (call, services) => {
      const { hub } = call;
      return pageAnswer(call, services, {
        scope: [hub, "groups"],
        list: (page) => services.router.listGroups(hub, page),
        keyOf: ({ group }) => group,
        hasCount: true,
      });
    },
  },
];

function connections(call: RestCall, services: RestServices, audience: Audience): Promise<RestAnswer> {
  const { hub } = call;
  return pageAnswer(call, services, {
    scope: [hub, "connections", JSON.stringify(audience)],
    list: (page) => services.router.listConnections(hub, audience, page),
    keyOf: ({ connectionId }) => connectionId,
    hasCount: true,
  });
}
