import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { call, UPGRADE, until } from "../support/http-call.ts";
import {
  accepted,
  connect,
  handshake,
  jsonWire,
  leftNothing,
  messagePackWire,
  roundTrip,
} from "../support/hub-wire.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { changes, scrape } from "../support/metrics.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { closed, received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { UpstreamServer } from "../support/upstream-server.ts";

const metrics = { port: 0 };

/** Metrics have these lines, and nothing that a peer chose. */
async function assertTold(url: string | undefined, lines: readonly string[]): Promise<void> {
  const text = await (await fetch(url ?? "")).text();
  for (const line of lines) assert.ok(text.includes(`\n${line}\n`), line);
  assert.doesNotMatch(text, /planted/);
}

test("without a port there are no metrics", async () => {
  await using hubwire = await TestHubwire.start();
  assert.equal(hubwire.node.metricsUrl, undefined);
  assert.equal((await fetch(`${hubwire.url}/metrics`)).status, 404);
});

test("metrics are served while the node is, and nowhere else", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  const { metricsUrl = "" } = hubwire.node;
  const { url } = await hubwire.event("metrics.listening");
  assert.equal(url, metricsUrl);
  await scrape(metricsUrl);
  assert.equal((await fetch(`${hubwire.url}/metrics`)).status, 404);
  await hubwire.node.stop();
  await assert.rejects(fetch(metricsUrl));
});

test("a node whose metrics cannot be served does not start", async () => {
  await using other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await assert.rejects(TestHubwire.start({ metrics: { port, host: "127.0.0.1" } }), {
    name: "MetricsListenError",
  });
});

test("clients are counted from their coming to their going, by hub, transport, protocol and category", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  const { metricsUrl } = hubwire.node;
  const start = await scrape(metricsUrl);
  const clients = waysToConnect.map((way) => signalrClient(hubwire, way));
  for (const client of clients) await client.start();
  const there = await scrape(metricsUrl);
  assert.deepEqual(
    ["hubs", "clients", "sessions", "connections", "transports"].map((what) => there.get(`hubwire_${what}`)),
    [1, 5, 5, 5, 5],
  );
  assert.deepEqual(
    changes(start, there, "hubwire_clients_"),
    Object.fromEntries(
      waysToConnect.map(({ transport, protocol }) => [
        `hubwire_clients_opened_total{hub="chat",transport="${transport}",protocol="${protocol}"}`,
        1,
      ]),
    ),
  );
  const all = Promise.all(clients.map((client) => received(client, "news", 1)));
  await hubwire.send("", "news", ["x"]);
  await all;
  const told = changes(there, await scrape(metricsUrl), "hubwire_client_messages_sent");
  assert.deepEqual(told, {
    'hubwire_client_messages_sent_total{transport="WebSockets"}': 2,
    'hubwire_client_messages_sent_total{transport="ServerSentEvents"}': 1,
    'hubwire_client_messages_sent_total{transport="LongPolling"}': 2,
  });
  for (const client of clients) await client.stop();
  await leftNothing(hubwire);
  const end = await scrape(metricsUrl);
  assert.equal(end.get('hubwire_clients_closed_total{hub="chat",category="Normal"}'), 5);
  for (const what of ["hubs", "clients", "sessions", "connections", "transports"])
    assert.equal(end.get(`hubwire_${what}`), 0, what);
});

test("messages and bytes of clients are counted in both directions", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  const { metricsUrl } = hubwire.node;
  const start = await scrape(metricsUrl);
  using client = await connect(hubwire);
  await roundTrip(client);
  client.send(jsonWire.ping);
  await roundTrip(client);
  const asked = jsonWire.invocation("RoundTrip", [], "round-trip");
  using binary = await connect(hubwire, { wire: messagePackWire });
  await roundTrip(binary, messagePackWire);
  const end = await scrape(metricsUrl);
  const packedBytes = messagePackWire.invocation("RoundTrip", [], "round-trip").length;
  const receivedBytes =
    handshake("json").length +
    2 * asked.length +
    jsonWire.ping.length +
    handshake("messagepack").length +
    packedBytes;
  assert.deepEqual(changes(start, end, "hubwire_client_messages"), {
    hubwire_client_messages_received_total: 4,
    'hubwire_client_messages_sent_total{transport="WebSockets"}': 5,
  });
  assert.equal(changes(start, end)["hubwire_client_received_bytes_total"], receivedBytes);
  const { 'hubwire_client_sent_bytes_total{transport="WebSockets"}': sentBytes = 0 } = changes(start, end);
  assert.ok(sentBytes > 300 && sentBytes < 1_000, String(sentBytes));
  assert.equal(end.get("hubwire_client_invocations_unhandled_total"), 1);
  hubwire.clock.advance(10_000); // the others of the same kind are told together
  assert.equal((await scrape(metricsUrl)).get("hubwire_client_invocations_unhandled_total"), 3);
});

test("bytes that come while a client's groups are looked up are counted once", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  using client = await RawWebSocket.open(hubwire, { userId: "ann" });
  client.send(handshake("json") + jsonWire.ping + jsonWire.invocation("RoundTrip", [], "1"));
  await hubwire.event("client.invocation_unhandled");
  const series = await scrape(hubwire.node.metricsUrl);
  assert.equal(
    series.get("hubwire_client_received_bytes_total"),
    (handshake("json") + jsonWire.ping + jsonWire.invocation("RoundTrip", [], "1")).length,
  );
});

test("clients that are refused, fail the handshake or are too slow are counted", async () => {
  await using hubwire = await TestHubwire.start({ metrics, limits: { maxBufferedBytes: 1_024 } });
  const { metricsUrl } = hubwire.node;
  await fetch(`${hubwire.url}/client/negotiate?hub=planted`, { method: "POST" });
  await fetch(`${hubwire.url}/client/negotiate`, { method: "POST" });
  using wrong = await RawWebSocket.open(hubwire);
  wrong.send("planted\x1e");
  await hubwire.event("client.handshake_failed");
  await connectLongPolling(hubwire);
  await hubwire.send("", "news", ["x".repeat(2_000)]);
  await hubwire.event("client.closed", ({ category }) => category === "SlowClient");
  await assertTold(metricsUrl, [
    'hubwire_clients_refused_total{status="401"} 1',
    'hubwire_clients_refused_total{status="400"} 1',
    'hubwire_client_handshakes_failed_total{hub="chat"} 1',
    'hubwire_clients_closed_total{hub="chat",category="HandshakeError"} 1',
    'hubwire_clients_closed_total{hub="chat",category="SlowClient"} 1',
  ]);
});

test("REST calls are counted by operation and class of status", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  await hubwire.send("", "news", []);
  await hubwire.send("users/planted/", "news", []);
  await hubwire.rest("GET", "/api/hubs/chat/groups/planted?api-version=2022-06-01");
  await fetch(`${hubwire.url}/api/hubs/planted/:send`, { method: "POST" });
  const end = await scrape(hubwire.node.metricsUrl);
  assert.deepEqual(changes(new Map(), end, "hubwire_rest_"), {
    'hubwire_rest_calls_total{operation="POST /hubs/{hub}/:send",status_class="2xx"}': 1,
    'hubwire_rest_calls_total{operation="POST /hubs/{hub}/:send",status_class="4xx"}': 1,
    'hubwire_rest_calls_total{operation="POST /hubs/{hub}/users/{user}/:send",status_class="2xx"}': 1,
    'hubwire_rest_calls_total{operation="HEAD /hubs/{hub}/groups/{group}",status_class="4xx"}': 1,
    hubwire_rest_unauthorized_total: 1,
  });
});

test("calls to webhooks are counted by outcome, and timed where they were taken", async () => {
  await using upstream = await UpstreamServer.start((response, { event }) =>
    response.writeHead(event === "Fail" ? 500 : 204).end(),
  );
  await using hubwire = await TestHubwire.start({
    metrics,
    upstream: {
      templates: [{ UrlTemplate: `${upstream.url}/?code=planted`, EventPattern: "connected,Fail" }],
    },
  });
  const { metricsUrl } = hubwire.node;
  using client = await connect(hubwire);
  await hubwire.event("upstream.answered");
  for (const id of ["1", "2", "3"]) client.send(jsonWire.invocation("Fail", [], id));
  for (const reply of await client.take(3)) assert.match(reply, /status code 500/);
  client.send(jsonWire.close(undefined, false));
  await hubwire.event("upstream.unmatched");
  hubwire.clock.advance(10_000);
  await assertTold(metricsUrl, [
    'hubwire_upstream_calls_total{template="0",category="connections",outcome="answered"} 1',
    'hubwire_upstream_calls_total{template="0",category="messages",outcome="status"} 3',
    'hubwire_upstream_call_duration_seconds_count{template="0",category="connections"} 1',
    'hubwire_upstream_unmatched_total{event="disconnected"} 1',
    "hubwire_upstream_clients 0",
    "hubwire_upstream_held_bytes 0",
  ]);
});

test("server connections are counted, and what their clients say", async () => {
  await using hubwire = await TestHubwire.start({ metrics });
  const { metricsUrl } = hubwire.node;
  assert.equal((await call(hubwire, "GET", "/server/?hub=planted", { headers: UPGRADE })).status, 401);
  const server = await AppServerPeer.connect(hubwire);
  using client = await RawWebSocket.open(hubwire);
  client.send(handshake("json"));
  const { connectionId } = await server.next("openConnection");
  await server.next("connectionData");
  server.sendData(connectionId, "{}\x1e");
  assert.equal(await client.next(), accepted(jsonWire));
  client.send(jsonWire.ping + jsonWire.invocation("Echo", []));
  await server.nextData();
  const there = await scrape(metricsUrl);
  assert.equal(there.get("hubwire_server_connections"), 1);
  assert.equal(there.get('hubwire_server_connections_refused_total{status="401"}'), 1);
  assert.equal(there.get('hubwire_server_connections_opened_total{hub="chat",type="default"}'), 1);
  assert.equal(there.get("hubwire_client_messages_received_total"), 2);
  assert.equal(there.get('hubwire_client_messages_sent_total{transport="WebSockets"}'), 1);
  server[Symbol.dispose]();
  await until(() => hubwire.node.size.serverConnections === 0);
  const end = await scrape(metricsUrl);
  assert.equal(end.get("hubwire_server_connections"), 0);
  assert.equal(end.get('hubwire_server_connections_closed_total{hub="chat"}'), 1);
  assert.equal(end.get('hubwire_clients_closed_total{hub="chat",category="ServerConnectionClosed"}'), 1);
});

test("two nodes in one process count each for itself", async () => {
  await using one = await TestHubwire.start({ metrics });
  await using other = await TestHubwire.start({ metrics });
  const client = signalrClient(one);
  await client.start();
  assert.equal((await scrape(one.node.metricsUrl)).get("hubwire_clients"), 1);
  assert.equal((await scrape(other.node.metricsUrl)).get("hubwire_clients"), 0);
  const gone = closed(client);
  await client.stop();
  await gone;
});
