import type { CallOutcome } from "./client-call.ts";
import type { TransportName } from "./identity.ts";
import type { CloseReason } from "./ports.ts";

/**
 * Everything worth a log line or a metric, by stable name. Nobody logs text: code emits one of these,
 * `telemetry/events.ts` gives each its level and message. No event carries a token, a key or a payload.
 * `count`: how often it happened; of what happens in masses only the first is told at once, and then the sum of the others
 * every few seconds, with the fields of the last.
 */
export type HubwireEvent =
  | { readonly name: "service.started"; readonly url: string }
  | { readonly name: "service.stopping"; readonly clients: number }
  | { readonly name: "service.stopped" }
  | { readonly name: "metrics.listening"; readonly url: string }
  | { readonly name: "metrics.failed"; readonly error: unknown }
  | {
      readonly name: "client.refused";
      readonly hub: string;
      /** What it was answered. */
      readonly status: number;
      readonly reason: string;
    }
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
  | {
      readonly name: "client.failed";
      readonly hub: string;
      readonly connectionId: string;
      readonly error: unknown;
    }
  | {
      /** A server connection is up. */
      readonly name: "server.connected";
      readonly hub: string;
      readonly serverId: string;
      readonly serverConnectionId: string;
      readonly type: "default" | "onDemand" | "weak";
      readonly userAgent: string;
    }
  | {
      readonly name: "server.disconnected";
      readonly hub: string;
      readonly serverId: string;
      readonly serverConnectionId: string;
      /** Clients that it had. */
      readonly clients: number;
      readonly reason: string;
    }
  | {
      readonly name: "server.refused";
      readonly hub: string;
      /** What it was answered; 101 where its handshake was refused behind that. */
      readonly status: number;
      readonly reason: string;
    }
  | {
      /** An app server shuts down gracefully. */
      readonly name: "server.draining";
      readonly hub: string;
      readonly serverId: string;
      readonly serverConnectionId: string;
      readonly clients: number;
      /** What becomes of its clients. */
      readonly mode: "drop" | "migrate" | "wait";
    }
  | {
      readonly name: "server.client_migrated";
      readonly hub: string;
      readonly connectionId: string;
      readonly from: string;
      readonly to: string;
    }
  | {
      /** What an app server sent was not understood, or could not be done, and was dropped; told once for each reason and connection. */
      readonly name: "server.message_dropped";
      readonly hub: string;
      readonly serverId: string;
      readonly reason: string;
    }
  | {
      readonly name: "server.failed";
      readonly hub: string;
      readonly serverId: string;
      readonly error: unknown;
    }
  | { readonly name: "client.reattached"; readonly hub: string; readonly connectionId: string }
  | {
      readonly name: "client.invocation_unhandled";
      readonly hub: string;
      readonly connectionId: string;
      readonly target: string;
      /** The patterns of the upstream templates that do not match. */
      readonly tried: string;
      readonly count: number;
    }
  | {
      /** A method of a client was called, and the client did not answer. */
      readonly name: "client.call_unanswered";
      readonly hub: string;
      readonly connectionId: string;
      readonly outcome: CallOutcome["outcome"];
    }
  | {
      /** A client answered what it was not asked, or not any more. */
      readonly name: "client.completion_ignored";
      readonly hub: string;
      readonly connectionId: string;
    }
  | {
      /** A webhook took an event. */
      readonly name: "upstream.answered";
      readonly hub: string;
      readonly category: string;
      readonly event: string;
      readonly connectionId: string;
      /** Its place in the configuration, from 0. */
      readonly template: number;
      /** As configured, without its query. */
      readonly url: string;
      readonly status: number;
      readonly durationMs: number;
    }
  | {
      /** A webhook did not take an event. */
      readonly name: "upstream.failed";
      readonly hub: string;
      readonly category: string;
      readonly event: string;
      readonly connectionId: string;
      readonly template: number;
      readonly url: string;
      readonly outcome: UpstreamOutcome;
      readonly status: number | undefined;
      readonly reason: string;
      readonly count: number;
    }
  | {
      /** An event was given up before any webhook was called. */
      readonly name: "upstream.dropped";
      readonly hub: string;
      readonly category: string;
      readonly event: string;
      readonly connectionId: string;
      readonly reason: string;
      readonly count: number;
    }
  | {
      /** No template matches the coming or going of a client. */
      readonly name: "upstream.unmatched";
      readonly hub: string;
      readonly event: string;
      readonly connectionId: string;
      readonly tried: string;
    }
  | { readonly name: "upstream.reloaded"; readonly templates: number }
  | { readonly name: "upstream.reload_failed"; readonly problem: string }
  | {
      readonly name: "rest.unauthorized";
      readonly method: string;
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** A call asked for what there is not, or in a wrong way. */
      readonly name: "rest.refused";
      readonly method: string;
      readonly path: string;
      readonly code: string;
      /** The parameter or member that is wrong. */
      readonly target: string | undefined;
      readonly reason: string;
    }
  | { readonly name: "rest.failed"; readonly method: string; readonly path: string; readonly error: unknown }
  | { readonly name: "auth.issuer_keys_fetched"; readonly issuer: string; readonly keys: number }
  | { readonly name: "auth.issuer_failed"; readonly issuer: string; readonly error: unknown }
  | { readonly name: "store.expired"; readonly memberships: number }
  | { readonly name: "store.failed"; readonly error: unknown };

/** How a call to a webhook failed. */
export type UpstreamOutcome =
  /** No connection, or it broke before a status came. */
  | "unreachable"
  | "timeout"
  /** It answered with a status that is no success. */
  | "status"
  /** The connection broke within the body. */
  | "interrupted"
  | "tooLarge"
  /** The body is no completion of the invocation. */
  | "badReply"
  /** No access token could be got. */
  | "noToken"
  /** The event's names make no URL. */
  | "badUrl"
  /** There was no room for the reply. */
  | "busy"
  /** The service stopped. */
  | "stopped";

export type EmitEvent = (event: HubwireEvent) => void;
