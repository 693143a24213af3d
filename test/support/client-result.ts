import type { ServiceMessage } from "../../src/protocol/service-message.ts";
import { frameOf, type HubWire, jsonWire, messagePackWire, packed } from "./hub-wire.ts";

type Invocation = Extract<ServiceMessage, { type: "clientInvocation" }>;

/** The id that the functions here use. */
export const INVOCATION_ID = "c-0123-1";
/** How a JSON client is asked with it. */
export const asked: string = frameOf(jsonWire.invocation("Ask", [1], INVOCATION_ID));
/** The same with an id of the service. */
export const askedByService = 'text {"type":1,"invocationId":"s1","target":"Ask","arguments":[1]}\x1e';

/** What an app server asks a client, in every protocol. */
export function invocation(
  connectionId: string,
  callerServerId: string,
  invocationId: string = INVOCATION_ID,
): Invocation {
  const payload = [jsonWire, messagePackWire].map(
    (wire) => [wire.protocol, Buffer.from(wire.invocation("Ask", [1], invocationId))] as const,
  );
  return { type: "clientInvocation", invocationId, connectionId, callerServerId, payload };
}

/** What a client answers. */
export function completionOf(wire: HubWire, result: unknown, invocationId: string = INVOCATION_ID): Buffer {
  if (wire === messagePackWire) return packed(3, {}, invocationId, 3, result);
  return Buffer.from(`${JSON.stringify({ type: 3, invocationId, result })}\x1e`);
}
