import type { TransportName } from "./identity.ts";
import type { CloseReason } from "./ports.ts";

/**
 * Everything worth a log line or a metric, by stable name. Nobody logs text: code emits one of these,
 * `telemetry/events.ts` gives each its level and message. No event carries a token, a key or a payload.
 */
export type HubwireEvent =
  | { readonly name: "service.started"; readonly url: string }
  | { readonly name: "service.stopping"; readonly clients: number }
  | { readonly name: "service.stopped" }
  | { readonly name: "client.refused"; readonly hub: string; readonly reason: string }
  | {
      readonly name: "client.opened";
      readonly hub: string;
      readonly connectionId: string;
      readonly userId: string | undefined;
      readonly transport: TransportName;
      readonly protocol: string;
    }
  | {
      readonly name: "client.closed";
      readonly hub: string;
      readonly connectionId: string;
      readonly category: CloseReason["category"];
      readonly reason: string;
    }
  | {
      readonly name: "client.handshake_failed";
      readonly hub: string;
      readonly connectionId: string;
      readonly reason: string;
    }
  | { readonly name: "client.reattached"; readonly hub: string; readonly connectionId: string }
  | {
      readonly name: "client.invocation_unhandled";
      readonly hub: string;
      readonly connectionId: string;
      readonly target: string;
    }
  | {
      readonly name: "rest.unauthorized";
      readonly method: string;
      readonly path: string;
      readonly reason: string;
    }
  | { readonly name: "rest.failed"; readonly method: string; readonly path: string; readonly error: unknown }
  | { readonly name: "store.expired"; readonly memberships: number }
  | { readonly name: "store.failed"; readonly error: unknown };

export type EmitEvent = (event: HubwireEvent) => void;
