import { type Delivery, NOBODY } from "../core/delivery.ts";
import { Payload } from "../core/payload.ts";
import { type Operation, success } from "./operation.ts";
import type { RestCall } from "./rest-call.ts";

/**
 * Streams that clients have asked for: the id is that of the client's stream invocation, docs/spec/rest-api.md §3.9.
 * The service does not know which streams a client waits for; like any message, items for nobody are accepted.
 */
export const streamOperations: readonly Operation[] = [
  {
    method: "POST",
    path: "/hubs/{hub}/connections/{connectionId}/streams/{streamId}/:send",
    access: "write",
    statuses: { "2024-12-01": 202 },
    response: success("Connection", "The item is on its way to the connection."),
    summary: "Sends an item of a stream to the client that has asked for it.",
    query: ["completed"],
    body: "StreamItem",
    run: async (call, { router }) => {
      const { completed, streamId } = call;
      await router.deliver(toClient(call, call.streamItem));
      if (completed) await router.deliver(toClient(call, Payload.streamEnd(streamId, undefined)));
    },
  },
  {
    method: "POST",
    path: "/hubs/{hub}/connections/{connectionId}/streams/{streamId}/:complete",
    access: "write",
    statuses: { "2024-12-01": 202 },
    response: success("Connection", "The end of the stream is on its way to the connection."),
    summary: "Ends a stream; it has failed where there is a reason.",
    query: ["streamReason", "error"],
    run: (call, { router }) =>
      router.deliver(toClient(call, Payload.streamEnd(call.streamId, call.streamError))),
  },
];

function toClient({ hub, connectionId }: RestCall, payload: Payload): Delivery {
  return { hub, audience: { to: "connection", connectionId }, excluding: NOBODY, payload };
}
