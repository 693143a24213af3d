import type { Logger } from "pino";
import type { EmitEvent, HubwireEvent } from "../core/events.ts";
import type { CounterName, DurationName, LabelOf } from "./metrics.ts";

/** How an event is counted: by which counter, and as how long; or why it is not. */
export type Counting =
  | {
      readonly counter: CounterName;
      /** Labels that are no fields of the event. */
      readonly as?: Readonly<Record<string, string>>;
      /** Takes the `durationMs` of the event. */
      readonly duration?: DurationName;
    }
  | { readonly uncounted: string };

/** The same, with every label of the counter known to be there. */
type CountingOf<Event> =
  | {
      [Counter in CounterName]: {
        readonly counter: Counter;
        readonly duration?: Event extends { readonly durationMs: number } ? DurationName : never;
      } & Constants<LabelOf<Counter>, Event>;
    }[CounterName]
  | { readonly uncounted: string };

type Constants<Label extends string, Event> = [Exclude<Label, keyof Event>] extends [never]
  ? unknown
  : { readonly as: Readonly<Record<Exclude<Label, keyof Event>, string>> };

interface CatalogueEntry {
  /** `warn` and above: the operator should look. `info`: what explains a refused peer. `debug`: the daily traffic. */
  readonly level: "error" | "warn" | "info" | "debug";
  /** Constant text; what varies is in the event's fields. */
  readonly message: string;
}

/**
 * Every event with its level and message, and what counts it. Names are stable: operators filter and count by them.
 * A new event is one row here, and one in `metrics.ts` for a new counter.
 */
const eventCatalogue = {
  "service.started": { level: "info", message: "Serving", uncounted: "process_start_time_seconds tells it" },
  "service.stopping": {
    level: "info",
    message: "Stopping: clients are closed and may reconnect",
    uncounted: "once in a process",
  },
  "service.stopped": { level: "info", message: "Stopped", uncounted: "nobody can ask any more" },
  "metrics.listening": { level: "info", message: "Serving metrics", uncounted: "once in a process" },
  "metrics.failed": {
    level: "error",
    message: "Metrics could not be told",
    uncounted: "Prometheus tells it (`up` is 0)",
  },
  "client.refused": { level: "info", message: "Refused a client", counter: "hubwire_clients_refused_total" },
  "client.opened": {
    level: "debug",
    message: "A client is connected",
    counter: "hubwire_clients_opened_total",
  },
  "client.closed": { level: "debug", message: "A client is gone", counter: "hubwire_clients_closed_total" },
  "client.handshake_failed": {
    level: "info",
    message: "A client failed the handshake",
    counter: "hubwire_client_handshakes_failed_total",
  },
  "client.failed": {
    level: "error",
    message: "A client was closed by a fault of the service",
    counter: "hubwire_client_faults_total",
  },
  "client.reattached": {
    level: "debug",
    message: "A client reconnected and kept its connection",
    counter: "hubwire_clients_reattached_total",
  },
  "client.invocation_unhandled": {
    level: "info",
    message: "A client invoked what nobody handles",
    counter: "hubwire_client_invocations_unhandled_total",
  },
  "client.call_unanswered": {
    level: "debug",
    message: "A client did not answer a call",
    counter: "hubwire_client_calls_unanswered_total",
  },
  "client.completion_ignored": {
    level: "debug",
    message: "A client answered what it was not asked",
    counter: "hubwire_client_completions_ignored_total",
  },
  "server.connected": {
    level: "info",
    message: "A server connection is up",
    counter: "hubwire_server_connections_opened_total",
  },
  "server.disconnected": {
    level: "info",
    message: "A server connection is gone",
    counter: "hubwire_server_connections_closed_total",
  },
  "server.refused": {
    level: "warn",
    message: "Refused a server connection",
    counter: "hubwire_server_connections_refused_total",
  },
  "server.draining": {
    level: "info",
    message: "An app server shuts down",
    counter: "hubwire_server_connections_drained_total",
  },
  "server.client_migrated": {
    level: "debug",
    message: "A client moved to another app server",
    counter: "hubwire_clients_migrated_total",
  },
  "server.message_dropped": {
    level: "warn",
    message: "A message of an app server was dropped",
    counter: "hubwire_server_message_drops_total",
  },
  "server.failed": {
    level: "error",
    message: "A server connection was closed by a fault of the service",
    counter: "hubwire_server_faults_total",
  },
  "upstream.answered": {
    level: "debug",
    message: "An upstream took an event",
    counter: "hubwire_upstream_calls_total",
    as: { outcome: "answered" },
    duration: "hubwire_upstream_call_duration_seconds",
  },
  "upstream.failed": {
    level: "warn",
    message: "An upstream did not take an event",
    counter: "hubwire_upstream_calls_total",
  },
  "upstream.dropped": {
    level: "warn",
    message: "An event was dropped before any upstream was called",
    counter: "hubwire_upstream_dropped_total",
  },
  "upstream.unmatched": {
    level: "debug",
    message: "No upstream template matches",
    counter: "hubwire_upstream_unmatched_total",
  },
  "upstream.reloaded": {
    level: "info",
    message: "Upstream templates were read again",
    counter: "hubwire_upstream_reloads_total",
    as: { outcome: "used" },
  },
  "upstream.reload_failed": {
    level: "error",
    message: "The changed configuration cannot be used; the upstream templates stay as they were",
    counter: "hubwire_upstream_reloads_total",
    as: { outcome: "failed" },
  },
  "rest.unauthorized": {
    level: "info",
    message: "Refused a REST call",
    counter: "hubwire_rest_unauthorized_total",
  },
  "rest.refused": {
    level: "info",
    message: "A REST call is not one that can be answered",
    uncounted: "calls are counted by their status",
  },
  "rest.failed": {
    level: "error",
    message: "A REST call failed; this is a fault of the service",
    counter: "hubwire_rest_faults_total",
  },
  "auth.issuer_keys_fetched": {
    level: "info",
    message: "Fetched the keys of a token issuer",
    counter: "hubwire_issuer_key_fetches_total",
    as: { outcome: "fetched" },
  },
  "auth.issuer_failed": {
    level: "warn",
    message: "The keys of a token issuer could not be fetched",
    counter: "hubwire_issuer_key_fetches_total",
    as: { outcome: "failed" },
  },
  "store.expired": {
    level: "debug",
    message: "Deleted expired memberships",
    uncounted: "what was due has been done",
  },
  "store.failed": {
    level: "error",
    message: "The membership store failed",
    counter: "hubwire_store_failures_total",
  },
} as const satisfies {
  readonly [Name in HubwireEvent["name"]]: CatalogueEntry &
    CountingOf<Extract<HubwireEvent, { readonly name: Name }>>;
};

/** What counts each event. */
export const eventCounting: Readonly<Record<HubwireEvent["name"], Counting>> = eventCatalogue;

/** Peers choose hub names, targets and paths; no log line grows with them beyond this. */
const MAX_FIELD_CHARACTERS = 256;

/** Writes each event as one line of the log: its fields, its name as `event`, and its message. */
export function logEvents(logger: Logger): EmitEvent {
  return (event) => {
    const { level, message } = eventCatalogue[event.name];
    if (logger.isLevelEnabled(level)) logger[level](fieldsOf(event), message);
  };
}

/** Counts events by name. */
export class EventCounter {
  readonly #counts = new Map<HubwireEvent["name"], number>();

  /** Counts one; bound, so that it can be passed on. */
  readonly emit: EmitEvent = ({ name }) => {
    this.#counts.set(name, this.of(name) + 1);
  };

  /** How many there were. */
  of(name: HubwireEvent["name"]): number {
    return this.#counts.get(name) ?? 0;
  }
}

function fieldsOf(event: HubwireEvent): Record<string, unknown> {
  const fields: Record<string, unknown> = { event: event.name };
  for (const [key, value] of Object.entries(event)) {
    if (key === "error")
      fields["err"] = value; // the name that the logger knows errors by
    else if (key !== "name") fields[key] = typeof value === "string" ? shortened(value) : value;
  }
  return fields;
}

function shortened(text: string): string {
  return text.length > MAX_FIELD_CHARACTERS ? `${text.slice(0, MAX_FIELD_CHARACTERS)}…` : text;
}
