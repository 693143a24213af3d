import type { ClientOrigin } from "../../src/core/client.ts";
import type { ClientIdentity } from "../../src/core/identity.ts";

/** What is known of a client without a network: of hub `chat` and anonymous, unless the test says otherwise. */
export function clientOrigin(
  connectionId: string,
  { hub = "chat", query = "", ...identity }: Partial<ClientIdentity & Omit<ClientOrigin, "identity">> = {},
): ClientOrigin {
  return {
    connectionId,
    hub,
    query,
    identity: {
      userId: undefined,
      claims: [],
      transports: ["WebSockets"],
      handshakeTimeoutMs: undefined,
      pollIdleMs: undefined,
      detailedErrors: false,
      closeAtMs: undefined,
      ...identity,
    },
  };
}
