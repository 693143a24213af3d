import type { Audience } from "../core/delivery.ts";
import type { Filter } from "../core/filter/filter.ts";
import type { EncodedPayload } from "../protocol/encoded-payload.ts";
import { hubProtocolNamed } from "../protocol/hub-protocols.ts";
import type { ServicePayload } from "../protocol/service-message.ts";

/** The messages by the hub protocols that the service speaks; what is under other names is left out. */
export function encodedPayload(payload: ServicePayload): EncodedPayload {
  const encoded: EncodedPayload = {};
  for (const [name, framed] of payload) {
    const protocol = hubProtocolNamed(name);
    if (protocol !== undefined) encoded[protocol.name] = framed;
  }
  return encoded;
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
