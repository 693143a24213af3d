import { always, type Operation, success } from "./operation.ts";

/** Everyone in a hub. */
export const hubOperations: readonly Operation[] = [
  {
    method: "POST",
    path: "/hubs/{hub}/:send",
    v1Paths: ["/hubs/{hub}"],
    access: "write",
    statuses: always(202),
    response: success("Request", "The message is on its way to the connections of the hub."),
    run: ({ hub, excluded, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "all" }, excluding: excluded, payload }),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/:closeConnections",
    access: "write",
    statuses: always(204),
    run: async ({ hub, excluded, closeReason }, { router }) => {
      await router.close(hub, { to: "all" }, excluded, closeReason);
    },
  },
];
