import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { asked, completionOf, INVOCATION_ID, invocation } from "../support/client-result.ts";
import { settled } from "../support/http-call.ts";
import { frameOf, type HubWire, handshake, jsonWire, leftNothing, wires } from "../support/hub-wire.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { type RelayedClient, relayedClient } from "../support/relayed-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const WEAK = { serverId: "manager", type: 2 };

/** How a router tells that a client has answered. */
function completed(connectionId: string, callerServerId: string, answer?: { wire: HubWire; bytes: Buffer }) {
  const { wire = jsonWire, bytes: payload = Buffer.alloc(0) } = answer ?? {};
  const ids = { invocationId: INVOCATION_ID, connectionId, callerServerId };
  return { type: "clientCompletion", ...ids, protocol: wire.protocol, payload } as const;
}

function failed(connectionId: string, callerServerId: string, error: string) {
  return { type: "errorCompletion", invocationId: INVOCATION_ID, connectionId, callerServerId, error };
}

/** A client of the app server `router` that another one asks. */
async function askedByAnother(hubwire: TestHubwire, caller: object = { serverId: "caller" }) {
  const router = await AppServerPeer.connect(hubwire, { serverId: "router" });
  const client = await relayedClient(hubwire, router);
  const asking = await AppServerPeer.connect(hubwire, caller);
  asking.send(invocation(client.id, asking.serverId));
  assert.equal(await client.next(), asked);
  await router.next("clientInvocation");
  if (caller !== WEAK) await asking.next("serviceMapping");
  return { router, client, asking };
}

/** Everyone leaves, and nothing is left. */
async function leave(
  hubwire: TestHubwire,
  client: RelayedClient,
  ...servers: AppServerPeer[]
): Promise<void> {
  client.drop();
  for (const server of servers) await server.leave();
  await leftNothing(hubwire);
}

describe("client results, §6.2", () => {
  test("A = B: the app server alone knows of its own call, on whichever connection", async () => {
    await using hubwire = await TestHubwire.start();
    const [one, two] = [await AppServerPeer.connect(hubwire), await AppServerPeer.connect(hubwire)];
    using client = await relayedClient(hubwire, one);
    two.send(invocation(client.id, "server1"));
    assert.equal(await client.next(), asked);
    assert.deepEqual([await one.heard(), await two.heard()], [[], []]);
    assert.equal(hubwire.node.size.serverInvocations, 1);
    const answer = completionOf(jsonWire, 42);
    client.send(String(answer));
    await settled(hubwire);
    assert.deepEqual(await one.heard(), [], "it would be lost now");
    hubwire.clock.advance(20);
    assert.deepEqual(await one.nextData(), answer);
    one.send(completed(client.id, "server1"));
    assert.deepEqual([await one.heard(), await two.heard()], [[], []]);
    assert.equal(hubwire.node.size.serverInvocations, 0);
    await leave(hubwire, client, one, two);
  });

  for (const wire of wires)
    test(`A ≠ B: B is told before the client can answer, and A gets the answer, ${wire.protocol}`, async () => {
      await using hubwire = await TestHubwire.start();
      const router = await AppServerPeer.connect(hubwire, { serverId: "router" });
      using client = await relayedClient(hubwire, router, { wire });
      const caller = await AppServerPeer.connect(hubwire, { serverId: "caller" });
      caller.send(invocation(client.id, "caller"));
      assert.equal(await client.next(), frameOf(wire.invocation("Ask", [1], INVOCATION_ID)));
      const mapping = await caller.next("serviceMapping");
      assert.deepEqual([mapping.invocationId, mapping.connectionId], [INVOCATION_ID, client.id]);
      assert.notEqual(mapping.instanceId, "");
      const answer = completionOf(wire, { n: 42 });
      client.send(wire === jsonWire ? String(answer) : answer);
      hubwire.clock.advance(20);
      assert.deepEqual(await router.take(), { ...invocation(client.id, "caller"), payload: [] });
      assert.deepEqual(await router.nextData(), answer);
      router.send(completed(client.id, "router", { wire, bytes: answer }));
      assert.deepEqual(await caller.take(), completed(client.id, "caller", { wire, bytes: answer }));
      assert.deepEqual([await router.heard(), await caller.heard()], [[], []]);
      await leave(hubwire, client, router, caller);
    });

  test("a weak caller gets the answer and no ServiceMapping", async () => {
    await using hubwire = await TestHubwire.start();
    const { router, client, asking } = await askedByAnother(hubwire, WEAK);
    const answer = { wire: jsonWire, bytes: completionOf(jsonWire, 42) };
    router.send(completed(client.id, "router", answer));
    assert.deepEqual(await asking.take(), completed(client.id, "manager", answer));
    await leave(hubwire, client, router, asking);
  });

  test("waits for the answer to the client's handshake", async () => {
    await using hubwire = await TestHubwire.start();
    using router = await AppServerPeer.connect(hubwire, { serverId: "router" });
    using caller = await AppServerPeer.connect(hubwire, { serverId: "caller" });
    using client = await RawWebSocket.open(hubwire);
    client.send(handshake("json"));
    const { connectionId } = await router.next("openConnection");
    await router.next("connectionData");
    caller.send(invocation(connectionId, "caller"));
    await router.next("clientInvocation");
    assert.equal(client.waiting, 0);
    router.sendData(connectionId, "{}\x1e");
    assert.deepEqual(await client.take(2), ["text {}\x1e", asked]);
  });

  test("an error of B goes to A", async () => {
    await using hubwire = await TestHubwire.start();
    const { router, client, asking } = await askedByAnother(hubwire);
    router.send({ ...failed(client.id, "router", "It cannot be read."), type: "errorCompletion" });
    await router.settled();
    hubwire.clock.advance(20);
    assert.deepEqual(await asking.take(), failed(client.id, "caller", "It cannot be read."));
    await leave(hubwire, client, router, asking);
  });

  test("comes on another connection where that which asked is gone", async () => {
    await using hubwire = await TestHubwire.start();
    const { router, client, asking } = await askedByAnother(hubwire);
    const another = await AppServerPeer.connect(hubwire, { serverId: "caller" });
    await asking.leave();
    const answer = { wire: jsonWire, bytes: completionOf(jsonWire, 42) };
    router.send(completed(client.id, "router", answer));
    assert.deepEqual(await another.take(), completed(client.id, "caller", answer));
    await leave(hubwire, client, router, another);
  });

  test("is forgotten with the last connection of A", async () => {
    await using hubwire = await TestHubwire.start();
    const { router, client, asking } = await askedByAnother(hubwire);
    await asking.leave();
    assert.equal(hubwire.node.size.serverInvocations, 0);
    router.send(completed(client.id, "router", { wire: jsonWire, bytes: completionOf(jsonWire, 42) }));
    assert.deepEqual(await router.heard(), []);
    await leave(hubwire, client, router);
  });

  test("is taken once, and from the client's own app server and hub only", async () => {
    await using hubwire = await TestHubwire.start();
    const { router, client, asking } = await askedByAnother(hubwire);
    const stranger = await AppServerPeer.connect(hubwire, { serverId: "stranger" });
    const abroad = await AppServerPeer.connect(hubwire, { serverId: "router", hub: "other" });
    const forged = completed(client.id, "caller", { wire: jsonWire, bytes: completionOf(jsonWire, 0) });
    for (const forger of [stranger, abroad, asking]) {
      forger.send(forged, { ...failed(client.id, "caller", "no"), type: "errorCompletion" });
      assert.deepEqual(await forger.heard(), []);
    }
    const answer = { wire: jsonWire, bytes: completionOf(jsonWire, 42) };
    router.send(completed("another-connection", "x", answer), completed(client.id, "router", answer));
    await router.settled();
    hubwire.clock.advance(20);
    assert.deepEqual(await asking.heard(), [completed(client.id, "caller", answer)]);
    await leave(hubwire, client, router, asking, stranger, abroad);
  });
});

describe("a client result that does not come, §6.2", () => {
  test("for a connection that does not exist: told 20 ms later, when the SDK waits for it", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    server.send(invocation("nobody", "server1"));
    assert.deepEqual(await server.heard(), []);
    hubwire.clock.advance(20);
    assert.deepEqual(await server.take(), failed("nobody", "server1", "Connection 'nobody' does not exist."));
    await server.leave();
    await leftNothing(hubwire);
    assert.equal(hubwire.clock.timers, 2, "those of the sweeps");
  });

  for (const [how, end] of [
    ["leaves", (_router: AppServerPeer, client: RelayedClient) => client.drop()],
    ["loses its app server", (router: AppServerPeer) => router.kill()],
  ] as const)
    test(`as the client ${how}`, async () => {
      await using hubwire = await TestHubwire.start();
      const { router, client, asking } = await askedByAnother(hubwire);
      end(router, client);
      await hubwire.event("client.closed");
      hubwire.clock.advance(20);
      const error = `Connection '${client.id}' is disconnected.`;
      assert.deepEqual(await asking.take(), failed(client.id, "caller", error));
      client.drop();
      router.kill();
      await router.ended();
      await asking.leave();
      await leftNothing(hubwire);
    });

  test("within timeouts.serverResultSeconds", async () => {
    await using hubwire = await TestHubwire.start({ timeouts: { serverResultSeconds: 5 } });
    const { router, client, asking } = await askedByAnother(hubwire);
    hubwire.clock.advance(4_000);
    assert.deepEqual(await asking.heard(), []);
    hubwire.clock.advance(2_000);
    const error = `Connection '${client.id}' did not answer within 5 seconds.`;
    assert.deepEqual(await asking.take(), failed(client.id, "caller", error));
    router.send(completed(client.id, "router", { wire: jsonWire, bytes: completionOf(jsonWire, 42) }));
    await router.settled();
    assert.deepEqual(await asking.heard(), []);
    await leave(hubwire, client, router, asking);
  });

  test("as it is not in the client's protocol, waits already, or too many wait", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxPendingInvocations: 1 } });
    const server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    const message = invocation(client.id, "server1");
    const errorOf = async (sent: ReturnType<typeof invocation>): Promise<string> => {
      server.send(sent);
      await server.settled();
      hubwire.clock.advance(20);
      return (await server.next("errorCompletion")).error;
    };
    assert.match(
      await errorOf({ ...message, payload: [] }),
      /no message in the client's hub protocol 'json'/,
    );
    server.send(message);
    assert.equal(await client.next(), asked);
    assert.equal(await errorOf(message), "The invocation id is in use.");
    assert.match(await errorOf(invocation(client.id, "server1", "another")), /^Too many invocations wait/);
    await leave(hubwire, client, server);
  });
});
