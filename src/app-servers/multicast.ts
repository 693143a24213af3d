import type { Audience } from "../core/delivery.ts";
import type { Filter } from "../core/filter/filter.ts";
import type { EncodedPayload } from "../protocol/encoded-payload.ts";
import type { HubProtocol } from "../protocol/hub-protocol.ts";
import { hubProtocolNamed } from "../protocol/hub-protocols.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { ServicePayload } from "../protocol/service-message.ts";

/**
 * The messages by the hub protocols that the service speaks. What is under other names is left out, and what is not framed as
 * its protocol has it: it would end the clients that get it.
 * @param broken told the protocol of what was not framed
 */
export function encodedPayload(
  payload: ServicePayload,
  broken: (protocol: string) => void = () => {},
): EncodedPayload {
  const encoded: EncodedPayload = {};
  for (const [name, framed] of payload) {
    const protocol = hubProtocolNamed(name);
    if (protocol === undefined) continue;
    if (isFramed(protocol, framed)) encoded[protocol.name] = framed;
    else broken(protocol.name);
  }
  return encoded;
}

/** Whether these are whole messages, at least one. */
function isFramed(protocol: HubProtocol, bytes: Buffer): boolean {
  let at = 0;
  try {
    while (at >= 0 && at < bytes.length) at = protocol.findEnd(bytes, at, Infinity);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
  return at > 0;
}

/** Those of an audience for which a condition holds. */
export function narrowed(audience: Audience, matches: Filter["matches"], text = ""): Audience {
  return { to: "matching", filter: { text, audience, matches } };
}

/** Those of an audience that are no connection of these users. */
export function withoutUsers(audience: Audience, userIds: readonly string[]): Audience {
  if (userIds.length === 0) return audience;
  const excluded = new Set(userIds);
  return narrowed(audience, ({ userId }) => userId === undefined || !excluded.has(userId));
}
