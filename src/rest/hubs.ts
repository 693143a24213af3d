import { mintClientToken } from "../auth/token.ts";
import { always } from "./api-version.ts";
import { jsonAnswer, type Operation, success } from "./operation.ts";

/** Everyone in a hub. */
export const hubOperations: readonly Operation[] = [
  {
    method: "POST",
    path: "/hubs/{hub}/:send",
    v1Paths: ["/hubs/{hub}"],
    access: "write",
    statuses: always(202),
    response: success("Request", "The message is on its way to the connections of the hub."),
    summary: "Sends a message to the connections of a hub.",
    query: ["excluded"],
    body: "Message",
    run: ({ hub, excluded, payload }, { router }) =>
      router.deliver({ hub, audience: { to: "all" }, excluding: excluded, payload }),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/:closeConnections",
    access: "write",
    statuses: always(204),
    summary: "Closes the connections of a hub.",
    query: ["excluded", "reason"],
    run: async ({ hub, excluded, closeReason }, { router }) => {
      await router.close(hub, { to: "all" }, excluded, closeReason);
    },
  },
  {
    method: "POST",
    path: "/hubs/{hub}/:execute",
    access: "write",
    statuses: { "2023-07-01": 202 },
    summary: "Executes commands in their order for every connection of a hub that matches a filter.",
    query: ["filter"],
    body: "Commands",
    run: ({ hub, filter, actions }, { router }) =>
      router.execute(hub, filter === undefined ? { to: "all" } : { to: "matching", filter }, actions),
  },
  {
    method: "POST",
    path: "/hubs/{hub}/:generateToken",
    access: "write",
    statuses: { "2022-11-01": 200 },
    summary: "Makes a token that opens the client endpoint of a hub.",
    query: ["userId", "minutesToExpire"],
    result: "ClientToken",
    run: async ({ hub, tokenUserId: userId, minutesToExpire, origin }, { accessKey, clock, publicUrl }) =>
      jsonAnswer(
        {
          token: mintClientToken({
            endpoint: publicUrl ?? origin,
            hub,
            userId,
            accessKey,
            lifetimeSeconds: minutesToExpire * 60,
            nowMs: clock.epochMs(),
          }),
        },
        { "Cache-Control": "no-store" },
      ),
  },
];
