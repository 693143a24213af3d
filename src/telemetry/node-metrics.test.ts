import assert from "node:assert/strict";
import { test } from "node:test";
import { changes, seriesIn } from "../../test/support/metrics.ts";
import type { HubwireEvent } from "../core/events.ts";
import { eventCounting } from "./events.ts";
import type { NodeReadings } from "./metrics.ts";
import { NodeMetrics } from "./node-metrics.ts";

const nothing: NodeReadings = {
  version: "1.2.3",
  size: {
    hubs: 0,
    clients: 0,
    groups: 0,
    users: 0,
    sessions: 0,
    connections: 0,
    transports: 0,
    invocations: 0,
    serverConnections: 0,
    serverInvocations: 0,
  },
  upstream: { clients: 0, heldBytes: 0 },
  received: { messages: 0, bytes: 0 },
  sent: [],
  restCalls: [],
};
const client = { hub: "chat", connectionId: "planted-id" } as const;
const server = { hub: "chat", serverId: "planted-server" } as const;
const call = {
  ...client,
  category: "messages",
  event: "planted-target",
  template: 1,
  url: "http://planted",
} as const;

/** One event of each name, and the series that it adds one to: none where it is not counted. */
const examples: {
  readonly [Name in HubwireEvent["name"]]: readonly [
    Omit<Extract<HubwireEvent, { readonly name: Name }>, "name">,
    ...string[],
  ];
} = {
  "service.started": [{ url: "http://planted" }],
  "service.stopping": [{ clients: 1 }],
  "service.stopped": [{}],
  "metrics.listening": [{ url: "http://planted" }],
  "metrics.failed": [{ error: new Error("planted") }],
  "client.refused": [
    { hub: "planted", status: 401, reason: "planted" },
    'hubwire_clients_refused_total{status="401"}',
  ],
  "client.opened": [
    { ...client, userId: "planted-user", transport: "LongPolling", protocol: "messagepack" },
    'hubwire_clients_opened_total{hub="chat",transport="LongPolling",protocol="messagepack"}',
  ],
  "client.closed": [
    { ...client, category: "SlowClient", reason: "planted" },
    'hubwire_clients_closed_total{hub="chat",category="SlowClient"}',
  ],
  "client.handshake_failed": [
    { ...client, reason: "planted" },
    'hubwire_client_handshakes_failed_total{hub="chat"}',
  ],
  "client.failed": [{ ...client, error: new Error("planted") }, "hubwire_client_faults_total"],
  "client.reattached": [client, 'hubwire_clients_reattached_total{hub="chat"}'],
  "client.invocation_unhandled": [
    { ...client, target: "planted", tried: "planted", count: 1 },
    "hubwire_client_invocations_unhandled_total",
  ],
  "client.call_unanswered": [
    { ...client, outcome: "timedOut" },
    'hubwire_client_calls_unanswered_total{outcome="timedOut"}',
  ],
  "client.completion_ignored": [client, "hubwire_client_completions_ignored_total"],
  "server.connected": [
    { ...server, serverConnectionId: "planted", type: "onDemand", userAgent: "planted" },
    'hubwire_server_connections_opened_total{hub="chat",type="onDemand"}',
  ],
  "server.disconnected": [
    { ...server, serverConnectionId: "planted", clients: 3, reason: "planted" },
    'hubwire_server_connections_closed_total{hub="chat"}',
  ],
  "server.refused": [
    { hub: "planted", status: 429, reason: "planted" },
    'hubwire_server_connections_refused_total{status="429"}',
  ],
  "server.draining": [
    { ...server, serverConnectionId: "planted", clients: 3, mode: "migrate" },
    'hubwire_server_connections_drained_total{hub="chat",mode="migrate"}',
  ],
  "server.client_migrated": [
    { ...client, from: "planted", to: "planted" },
    'hubwire_clients_migrated_total{hub="chat"}',
  ],
  "server.message_dropped": [
    { ...server, reason: "planted" },
    'hubwire_server_message_drops_total{hub="chat"}',
  ],
  "server.failed": [{ ...server, error: new Error("planted") }, "hubwire_server_faults_total"],
  "upstream.answered": [
    { ...call, status: 200, durationMs: 30_000 },
    'hubwire_upstream_calls_total{template="1",category="messages",outcome="answered"}',
    'hubwire_upstream_call_duration_seconds_bucket{le="30",template="1",category="messages"}',
    'hubwire_upstream_call_duration_seconds_bucket{le="60",template="1",category="messages"}',
    'hubwire_upstream_call_duration_seconds_bucket{le="120",template="1",category="messages"}',
    'hubwire_upstream_call_duration_seconds_bucket{le="+Inf",template="1",category="messages"}',
    'hubwire_upstream_call_duration_seconds_count{template="1",category="messages"}',
  ],
  "upstream.failed": [
    { ...call, outcome: "timeout", status: undefined, reason: "planted", count: 1 },
    'hubwire_upstream_calls_total{template="1",category="messages",outcome="timeout"}',
  ],
  "upstream.dropped": [
    { ...call, reason: "planted", count: 1 },
    'hubwire_upstream_dropped_total{category="messages"}',
  ],
  "upstream.unmatched": [
    { ...client, event: "connected", tried: "planted" },
    'hubwire_upstream_unmatched_total{event="connected"}',
  ],
  "upstream.reloaded": [{ templates: 2 }, 'hubwire_upstream_reloads_total{outcome="used"}'],
  "upstream.reload_failed": [{ problem: "planted" }, 'hubwire_upstream_reloads_total{outcome="failed"}'],
  "rest.unauthorized": [
    { method: "GET", path: "/planted", reason: "planted" },
    "hubwire_rest_unauthorized_total",
  ],
  "rest.refused": [
    { method: "GET", path: "/api", code: "Error.Request.Invalid", target: undefined, reason: "r" },
  ],
  "rest.failed": [
    { method: "GET", path: "/planted", error: new Error("planted") },
    "hubwire_rest_faults_total",
  ],
  "auth.issuer_keys_fetched": [
    { issuer: "https://id.example.com", keys: 2 },
    'hubwire_issuer_key_fetches_total{issuer="https://id.example.com",outcome="fetched"}',
  ],
  "auth.issuer_failed": [
    { issuer: "https://id.example.com", error: new Error("planted") },
    'hubwire_issuer_key_fetches_total{issuer="https://id.example.com",outcome="failed"}',
  ],
  "store.expired": [{ memberships: 3 }],
  "store.failed": [{ error: new Error("planted") }, "hubwire_store_failures_total"],
};

function metricsOf(readings: Partial<NodeReadings> = {}, maxHubs = 1_000): NodeMetrics {
  return new NodeMetrics({ readings: () => ({ ...nothing, ...readings }), maxHubs });
}

function eventNamed(name: string): HubwireEvent {
  const [fields] = examples[name as HubwireEvent["name"]];
  return { name, ...fields } as HubwireEvent;
}

for (const [name, [, ...counted]] of Object.entries(examples))
  test(`${name} is ${counted.length === 0 ? "not counted" : "counted"}, without what peers choose`, async () => {
    const metrics = metricsOf();
    const before = seriesIn(await metrics.scrape());
    metrics.count(eventNamed(name));
    const text = await metrics.scrape();
    const {
      'hubwire_upstream_call_duration_seconds_sum{template="1",category="messages"}': sum,
      ...changed
    } = changes(before, seriesIn(text));
    assert.deepEqual(changed, Object.fromEntries(counted.map((series) => [series, 1])));
    assert.equal(sum, name === "upstream.answered" ? 30 : undefined);
    assert.equal("uncounted" in eventCounting[name as HubwireEvent["name"]], counted.length === 0);
    assert.doesNotMatch(text, /planted/);
  });

test("an event that stands for several counts as so many", async () => {
  const metrics = metricsOf();
  for (const count of [1, 41]) metrics.count({ ...call, name: "upstream.dropped", reason: "", count });
  assert.equal(
    seriesIn(await metrics.scrape()).get('hubwire_upstream_dropped_total{category="messages"}'),
    42,
  );
});

test("hubs above the limit count together", async () => {
  const metrics = metricsOf({}, 2);
  for (const hub of ["a", "b", "c", "d", "a", "__proto__"])
    metrics.count({ name: "client.reattached", hub, connectionId: "" });
  const series = seriesIn(await metrics.scrape());
  assert.deepEqual(
    [...series].filter(([key]) => key.includes("reattached")),
    [
      ['hubwire_clients_reattached_total{hub="a"}', 2],
      ['hubwire_clients_reattached_total{hub="b"}', 1],
      ['hubwire_clients_reattached_total{hub="(other)"}', 3],
    ],
  );
});

test("readings are those of the moment", async () => {
  const size = { ...nothing.size, clients: 5, hubs: 2 };
  const sent = [
    ["WebSockets", { messages: 3, bytes: 2 ** 40 }],
    ["WebSockets", { messages: 4, bytes: 1 }],
    ["LongPolling", { messages: 1, bytes: 10 }],
  ] as const;
  const restCalls = [{ operation: "POST /hubs/{hub}/:send", statusClass: "2xx", count: 7 }];
  const metrics = metricsOf({ size, sent, restCalls, received: { messages: 8, bytes: 90 } });
  for (let time = 0; time < 2; time++) {
    const series = seriesIn(await metrics.scrape());
    assert.deepEqual(
      [
        "hubwire_clients",
        "hubwire_hubs",
        "hubwire_users",
        'hubwire_info{version="1.2.3"}',
        'hubwire_client_messages_sent_total{transport="WebSockets"}',
        'hubwire_client_sent_bytes_total{transport="WebSockets"}',
        'hubwire_client_messages_sent_total{transport="LongPolling"}',
        "hubwire_client_messages_received_total",
        "hubwire_client_received_bytes_total",
        'hubwire_rest_calls_total{operation="POST /hubs/{hub}/:send",status_class="2xx"}',
      ].map((key) => series.get(key)),
      [5, 2, 0, 1, 7, 2 ** 40 + 1, 1, 8, 90, 7],
    );
  }
});

test("the process is told of once, but for what takes long with many clients", async () => {
  const [text, other] = await Promise.all([metricsOf().scrape(), metricsOf().scrape()]);
  for (const each of [text, other]) {
    const names = [...seriesIn(each).keys()];
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_p99_seconds",
    ])
      assert.ok(names.includes(name), name);
    assert.ok(!names.some((name) => /open_fds|active_/.test(name)));
  }
});
