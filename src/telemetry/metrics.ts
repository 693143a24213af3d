import type { TransportName } from "../core/identity.ts";

/** What the metrics of a node are read from when somebody asks for them. */
export interface NodeReadings {
  readonly version: string;
  readonly size: Readonly<
    Record<
      | "hubs"
      | "clients"
      | "groups"
      | "users"
      | "sessions"
      | "connections"
      | "transports"
      | "invocations"
      | "serverConnections"
      | "serverInvocations",
      number
    >
  >;
  readonly upstream: { readonly clients: number; readonly heldBytes: number };
  readonly received: Traffic;
  readonly sent: Iterable<readonly [TransportName, Traffic]>;
  readonly restCalls: Iterable<{
    readonly operation: string;
    readonly statusClass: string;
    readonly count: number;
  }>;
}

interface Traffic {
  readonly messages: number;
  readonly bytes: number;
}

/** One metric as docs/metrics.md has it. Labels take few values: never a user, a connection, a method or a URL. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric that is asked for when somebody looks: what is counted by the million, and what goes up and down. */
export interface ReadMetric extends Metric {
  readonly type: "counter" | "gauge";
  readonly read: (node: NodeReadings) => Iterable<Sample>;
}

/** A value by its labels; values with the same labels are added. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Counters of events. A label is the field of the event with its name; `events.ts` says which event counts where. */
export const eventCounters = {
  hubwire_clients_opened_total: {
    help: "Clients whose handshake was accepted.",
    labels: ["hub", "transport", "protocol"],
  },
  hubwire_clients_closed_total: {
    help: "Clients that are gone, by Azure's ConnectionCloseCategory. Those that never finished the handshake count too.",
    labels: ["hub", "category"],
  },
  hubwire_clients_refused_total: {
    help: "Clients that were not let in, by the status that they got.",
    labels: ["status"],
  },
  hubwire_client_handshakes_failed_total: {
    help: "Handshakes that were wrong or took too long.",
    labels: ["hub"],
  },
  hubwire_clients_reattached_total: {
    help: "Clients that went on with their connection over a new socket (stateful reconnect).",
    labels: ["hub"],
  },
  hubwire_client_faults_total: {
    help: "Clients that were closed by a fault of the service.",
    labels: [],
  },
  hubwire_client_invocations_unhandled_total: {
    help: "Invocations of clients that nobody handles.",
    labels: [],
  },
  hubwire_client_calls_unanswered_total: {
    help: "Calls of clients' methods (`:invoke`) that were not answered, by why.",
    labels: ["outcome"],
  },
  hubwire_client_completions_ignored_total: {
    help: "Answers of clients to what they were not asked, or not any more.",
    labels: [],
  },
  hubwire_clients_migrated_total: {
    help: "Clients that moved to another app server, as theirs shut down.",
    labels: ["hub"],
  },
  hubwire_server_connections_opened_total: {
    help: "Server connections that came up.",
    labels: ["hub", "type"],
  },
  hubwire_server_connections_closed_total: {
    help: "Server connections that were up and are gone.",
    labels: ["hub"],
  },
  hubwire_server_connections_refused_total: {
    help: "Server connections that were not let in, by the status that they got; 101 where their handshake was refused or did not come.",
    labels: ["status"],
  },
  hubwire_server_connections_drained_total: {
    help: "Server connections whose app server began to shut down, by what becomes of its clients.",
    labels: ["hub", "mode"],
  },
  hubwire_server_message_drops_total: {
    help: "Kinds of messages of app servers that were dropped, once for each kind and server connection.",
    labels: ["hub"],
  },
  hubwire_server_faults_total: {
    help: "Server connections that were closed by a fault of the service.",
    labels: [],
  },
  hubwire_upstream_calls_total: {
    help: "Calls to webhooks that have ended, each attempt by itself; `template` is its place in the configuration, from 0.",
    labels: ["template", "category", "outcome"],
  },
  hubwire_upstream_dropped_total: {
    help: "Events that were given up before any webhook was called.",
    labels: ["category"],
  },
  hubwire_upstream_unmatched_total: {
    help: "Comings and goings of clients that no template matches.",
    labels: ["event"],
  },
  hubwire_upstream_reloads_total: {
    help: "How often changed upstream templates were read, and whether they could be used.",
    labels: ["outcome"],
  },
  hubwire_rest_unauthorized_total: {
    help: "REST calls without a good token, or whose roles do not allow them.",
    labels: [],
  },
  hubwire_rest_faults_total: {
    help: "REST calls that failed by a fault of the service or of its store.",
    labels: [],
  },
  hubwire_issuer_key_fetches_total: {
    help: "Fetches of the keys of token issuers.",
    labels: ["issuer", "outcome"],
  },
  hubwire_store_failures_total: {
    help: "Failures of the membership store that cost a client its connection, or kept expired memberships.",
    labels: [],
  },
} as const;

export type CounterName = keyof typeof eventCounters;
export type LabelOf<Name extends CounterName> = (typeof eventCounters)[Name]["labels"][number];

/** How long something took that an event tells of, in seconds. */
export const eventDurations = {
  hubwire_upstream_call_duration_seconds: {
    help: "Seconds that webhooks took to answer, of the calls that they took.",
    labels: ["template", "category"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  },
} as const;

export type DurationName = keyof typeof eventDurations;

/** All metrics that are read. */
export const readMetrics: readonly ReadMetric[] = [
  {
    name: "hubwire_info",
    type: "gauge",
    help: "Always 1; the version of Hubwire.",
    labels: ["version"],
    read: ({ version }) => [[{ version }, 1]],
  },
  gauge("hubwire_hubs", "Hubs that have clients.", ({ size }) => size.hubs),
  gauge("hubwire_clients", "Clients that are in their hub.", ({ size }) => size.clients),
  gauge("hubwire_groups", "Groups that have clients, in all hubs.", ({ size }) => size.groups),
  gauge("hubwire_users", "Users that have clients, in all hubs.", ({ size }) => size.users),
  gauge("hubwire_sessions", "Clients in or past the handshake.", ({ size }) => size.sessions),
  gauge("hubwire_connections", "Negotiated connections.", ({ size }) => size.connections),
  gauge(
    "hubwire_transports",
    "Transports, and connections that wait for one.",
    ({ size }) => size.transports,
  ),
  gauge(
    "hubwire_invocations",
    "Calls of clients' methods that wait for an answer.",
    ({ size }) => size.invocations,
  ),
  gauge("hubwire_server_connections", "Server connections.", ({ size }) => size.serverConnections),
  gauge(
    "hubwire_server_invocations",
    "Calls of clients' methods by app servers that wait for an answer.",
    ({ size }) => size.serverInvocations,
  ),
  gauge(
    "hubwire_upstream_clients",
    "Clients that have a call to a webhook under way or waiting.",
    ({ upstream }) => upstream.clients,
  ),
  gauge(
    "hubwire_upstream_held_bytes",
    "Bytes of calls to webhooks that wait or are under way, replies included.",
    ({ upstream }) => upstream.heldBytes,
  ),
  {
    name: "hubwire_client_messages_received_total",
    type: "counter",
    help: "Hub messages from clients, pings and acknowledgements included.",
    labels: [],
    read: ({ received }) => [[{}, received.messages]],
  },
  {
    name: "hubwire_client_received_bytes_total",
    type: "counter",
    help: "Bytes of hub messages and handshakes from clients, without WebSocket frames and HTTP.",
    labels: [],
    read: ({ received }) => [[{}, received.bytes]],
  },
  {
    name: "hubwire_client_messages_sent_total",
    type: "counter",
    help: "Hub messages to clients, once for each that gets one; pings, answers to handshakes and what is sent again included. What an app server sends a client in one piece counts once.",
    labels: ["transport"],
    read: ({ sent }) => Array.from(sent, ([transport, { messages }]) => [{ transport }, messages]),
  },
  {
    name: "hubwire_client_sent_bytes_total",
    type: "counter",
    help: "Bytes of hub messages to clients, WebSocket frames and the form of server-sent events included, without HTTP.",
    labels: ["transport"],
    read: ({ sent }) => Array.from(sent, ([transport, { bytes }]) => [{ transport }, bytes]),
  },
  {
    name: "hubwire_rest_calls_total",
    type: "counter",
    help: "Answered REST calls by operation; `none` is a path or a method that has none.",
    labels: ["operation", "status_class"],
    read: ({ restCalls }) =>
      Array.from(restCalls, ({ operation, statusClass, count }) => [
        { operation, status_class: statusClass },
        count,
      ]),
  },
];

/** All metrics of the service's own. */
export const metrics: readonly Metric[] = [
  ...readMetrics,
  ...named(eventCounters, "counter"),
  ...named(eventDurations, "histogram"),
];

function gauge(name: string, help: string, value: (node: NodeReadings) => number): ReadMetric {
  return { name, type: "gauge", help, labels: [], read: (node) => [[{}, value(node)]] };
}

function named(
  rows: Readonly<Record<string, Pick<Metric, "help" | "labels">>>,
  type: Metric["type"],
): Metric[] {
  return Object.entries(rows).map(([name, { help, labels }]) => ({ name, type, help, labels }));
}
