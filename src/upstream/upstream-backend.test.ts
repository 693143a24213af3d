import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { clientOrigin } from "../../test/support/client-origin.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { RecordingTransport } from "../../test/support/recording-transport.ts";
import { UpstreamServer } from "../../test/support/upstream-server.ts";
import { Client } from "../core/client.ts";
import type { HubwireEvent } from "../core/events.ts";
import type { CloseReason } from "../core/ports.ts";
import type { Template } from "../core/upstream-template.ts";
import type { HubMessage, HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { UpstreamBackend, type UpstreamBackendOptions, type UpstreamLimits } from "./upstream-backend.ts";

const LIMITS: UpstreamLimits = {
  timeoutMs: 100_000,
  maxInFlight: 10,
  maxWaiting: 1_000,
  maxClientMessages: 100,
  maxClientBytes: 100_000,
  maxQueuedBytes: 1_000_000,
  maxReplyBytes: 100_000,
};
const LEFT: CloseReason = { category: "Normal", message: "The client closed.", allowReconnect: false };

function template(url: string, more: Partial<Template> = {}): Template {
  return {
    url,
    shownUrl: url,
    hubs: "*",
    categories: "*",
    events: "*",
    auth: { type: "none" },
    ...more,
  };
}

/** A client without a network. */
class Guest {
  readonly client: Client;
  readonly transport = new RecordingTransport();
  closedBecause: CloseReason | undefined;
  readonly #backend: UpstreamBackend;

  constructor(backend: UpstreamBackend, connectionId: string, protocol: HubProtocolName = "json") {
    this.#backend = backend;
    this.client = new Client(
      clientOrigin(connectionId),
      hubProtocols[protocol],
      { transport: this.transport, resumption: undefined, maxBufferedBytes: 1_000_000 },
      { end: (reason) => this.leave(reason) },
    );
    this.client.release();
    backend.opened(this.client);
  }

  invoke(target: string, invocationId?: string, args: readonly unknown[] = []): void {
    const id = invocationId === undefined ? {} : { invocationId };
    this.says({ type: 1, ...id, target, arguments: args });
  }

  says(message: object): void {
    this.receives(Buffer.from(`${JSON.stringify(message)}\x1e`));
  }

  receives(framed: Buffer): void {
    this.#backend.received(this.client, this.client.protocol.read(framed, 0, framed.length));
    framed.fill(0); // what the session does with its read buffer
  }

  leave(reason: CloseReason = LEFT): void {
    if (this.closedBecause !== undefined) return;
    this.closedBecause = reason;
    this.#backend.closed(this.client, reason);
  }

  /** Completions that it got, as JSON. */
  get completions(): unknown[] {
    return this.transport.sent.map((text) => JSON.parse(text.slice(0, -1)) as unknown);
  }
}

/** A backend, a webhook whose answers wait for the test, and guests. */
class Scene implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly events: HubwireEvent[] = [];
  readonly upstream: UpstreamServer;
  readonly backend: UpstreamBackend;
  readonly #answers: (() => void)[] = [];
  #guests = 0;
  #wake: (() => void)[] = [];

  private constructor(upstream: UpstreamServer, { limits, templates, ...options }: SceneOptions) {
    this.upstream = upstream;
    this.backend = new UpstreamBackend({
      templates: templates ?? [template(upstream.url)],
      accessKeys: ["test-key-0123456789"],
      retries: 0,
      rejectOnConnectedFailure: false,
      clock: this.clock,
      emit: (event) => {
        this.events.push(event);
        for (const wake of this.#wake.splice(0)) wake();
      },
      ...options,
      limits: { ...LIMITS, ...limits },
    });
  }

  static async start(options: SceneOptions = {}): Promise<Scene> {
    return new Scene(await UpstreamServer.start(), options);
  }

  guest(protocol?: HubProtocolName): Guest {
    return new Guest(this.backend, `c${this.#guests++}`, protocol);
  }

  /** From now on answers wait for `answer`. */
  holdAnswers(): void {
    this.upstream.answer = (response) => void this.#answers.push(() => void response.writeHead(204).end());
  }

  /** Answers the oldest call that waits. */
  answer(): void {
    this.#answers.shift()?.();
  }

  /** Answers calls until nothing is under way or waiting. */
  async drained(): Promise<void> {
    this.upstream.answer = (response) => void response.writeHead(204).end();
    for (const answer of this.#answers.splice(0)) answer();
    await this.backend.drained();
    assert.deepEqual([this.backend.size, this.backend.heldBytes], [0, 0]);
  }

  tick(byMs: number): void {
    this.clock.advance(byMs);
    this.backend.tick(this.clock.monotonicMs());
  }

  /** Resolves once so many events of this name were told. */
  async told(name: HubwireEvent["name"], count = 1): Promise<void> {
    while (this.named(name).length < count)
      await new Promise<void>((resolve) => void this.#wake.push(resolve));
  }

  named<Name extends HubwireEvent["name"]>(name: Name): Extract<HubwireEvent, { name: Name }>[] {
    return this.events.filter((event): event is Extract<HubwireEvent, { name: Name }> => event.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

interface SceneOptions extends Partial<Omit<UpstreamBackendOptions, "limits">> {
  readonly limits?: Partial<UpstreamLimits>;
}

describe("one client", () => {
  test("its coming, its messages and its going are told in this order, one at a time", async () => {
    await using scene = await Scene.start();
    scene.holdAnswers();
    const guest = scene.guest();
    for (let n = 0; n < 5; n++) guest.invoke(`m${n}`);
    guest.leave();
    for (let count = 1; count <= 7; count++) {
      await scene.upstream.called(count);
      assert.equal(scene.upstream.requests.length, count);
      scene.answer();
    }
    assert.deepEqual(scene.upstream.events, ["connected", "m0", "m1", "m2", "m3", "m4", "disconnected"]);
    await scene.drained();
  });

  test("waits for no other", async () => {
    await using scene = await Scene.start();
    const slow = scene.guest();
    await scene.told("upstream.answered");
    scene.upstream.answer = (response, { connectionId }) => {
      if (connectionId !== "c0") response.writeHead(204).end();
    };
    slow.invoke("hangs");
    for (let n = 0; n < 20; n++) slow.invoke("waits");
    const quick = scene.guest();
    quick.invoke("m", "1");
    await scene.told("upstream.answered", 3);
    assert.deepEqual(quick.completions, [{ type: 3, invocationId: "1" }]);
    assert.equal(scene.upstream.events.filter((event) => event === "waits").length, 0);
  });

  test("costs nothing while nothing of it is under way", async () => {
    await using scene = await Scene.start();
    const guests = Array.from({ length: 20 }, () => scene.guest());
    await scene.drained();
    for (const guest of guests) guest.invoke("m");
    assert.equal(scene.backend.size, 20);
    await scene.drained();
  });

  test("its messages are the bytes that it wrote, without their frame", async () => {
    await using scene = await Scene.start();
    const json = '{"target":"t","arguments":[1.10,"\\u00e9"],"invocationId":"0","extra":{},"type":1}';
    scene.guest().receives(Buffer.from(`${json}\x1e`));
    await scene.drained();
    const packed = Buffer.from([0x96, 1, 0x80, 0xa1, 0x30, 0xa1, 0x74, 0x91, 0xcc, 0xff, 0x90]);
    scene.guest("messagepack").receives(Buffer.concat([Buffer.of(packed.length), packed]));
    await scene.drained();
    const seen = scene.upstream.requests.map(({ headers, body }) => [
      headers["content-type"],
      body.toString("latin1"),
    ]);
    assert.deepEqual(seen, [
      ["application/json", '{"type":10}'],
      ["application/json", json],
      ["application/json", '{"type":10}'],
      ["application/x-msgpack", packed.toString("latin1")],
    ]);
  });

  test("its going tells why, unless it left by itself", async () => {
    await using scene = await Scene.start();
    scene.guest().leave();
    scene
      .guest()
      .leave({ category: "PingTimeout", message: "Connection ping timeout", allowReconnect: true });
    await scene.drained();
    const bodies = scene.upstream.requests
      .filter(({ event }) => event === "disconnected")
      .map(({ body }) => body.toString());
    assert.deepEqual(bodies.sort(), ['{"type":11,"error":"Connection ping timeout"}', '{"type":11}']);
  });

  test("is sent no result once it has gone", async () => {
    await using scene = await Scene.start();
    scene.holdAnswers();
    const guest = scene.guest();
    guest.invoke("m", "1");
    guest.leave();
    await scene.drained();
    assert.deepEqual(guest.completions, []);
  });

  test("what it streams and cancels has no event; its results are handed on", async () => {
    const completed: HubMessage[] = [];
    await using scene = await Scene.start({ completed: (_, message) => void completed.push(message) });
    const guest = scene.guest();
    await scene.drained();
    guest.says({ type: 2, invocationId: "1", item: 1 });
    guest.says({ type: 5, invocationId: "1" });
    guest.says({ type: 3, invocationId: "s1", result: 1 });
    assert.equal(scene.backend.size, 0);
    assert.deepEqual(
      completed.map(({ invocationId }) => invocationId),
      ["s1"],
    );
  });

  test("a stream that it invokes is an event like an invocation, and stays open", async () => {
    await using scene = await Scene.start();
    const guest = scene.guest();
    guest.says({ type: 4, invocationId: "1", target: "Counter", arguments: [] });
    await scene.drained();
    assert.equal(scene.upstream.events[1], "Counter");
    assert.deepEqual(guest.completions, []);
  });
});

describe("templates", () => {
  test("the first that matches is called, and no other", async () => {
    await using scene = await Scene.start({ templates: [] });
    const { url } = scene.upstream;
    scene.backend.useTemplates([
      template(`${url}/0`, { hubs: "other" }),
      template(`${url}/1`, { events: "a" }),
      template(`${url}/2`, { categories: "messages" }),
      template(`${url}/3`, { events: "b,disconnected" }),
    ]);
    const guest = scene.guest();
    guest.invoke("a");
    guest.invoke("b");
    guest.leave();
    await scene.drained();
    assert.deepEqual(
      scene.upstream.requests.map((request) => [request.url, request.event]),
      [
        ["/1", "a"],
        ["/2", "b"],
        ["/3", "disconnected"],
      ],
    );
    assert.deepEqual(
      scene.named("upstream.unmatched").map(({ event }) => event),
      ["connected"],
    );
  });

  test("without any, an invocation's error says so", async () => {
    await using scene = await Scene.start({ templates: [] });
    const guest = scene.guest();
    guest.invoke("Echo", "1");
    guest.invoke("Echo");
    const error =
      "Failed to invoke 'Echo': no upstream or app server handles it on hub 'chat'. No upstream is configured.";
    assert.deepEqual(guest.completions, [{ type: 3, invocationId: "1", error }]);
    assert.equal(scene.backend.size, 0);
  });

  test("where none matches, the error and the event name the patterns that were tried", async () => {
    await using scene = await Scene.start({ templates: [template("http://a", { events: "Send,Join" })] });
    const guest = scene.guest();
    guest.invoke("Echo", "1");
    const tried = "[0] hub '*', category '*', event 'Send,Join'";
    const error = `Failed to invoke 'Echo': no upstream or app server handles it on hub 'chat'. No upstream template matches category 'messages' and event 'Echo'; tried: ${tried}.`;
    assert.deepEqual(guest.completions, [{ type: 3, invocationId: "1", error }]);
    const [unhandled] = scene.named("client.invocation_unhandled");
    assert.deepEqual([unhandled?.target, unhandled?.tried], ["Echo", tried]);
  });

  test("a target as long as a message is not repeated whole", async () => {
    await using scene = await Scene.start({ templates: [] });
    const guest = scene.guest();
    guest.invoke("x".repeat(100_000), "1");
    assert.ok((guest.transport.sent[0]?.length ?? Infinity) < 1_000);
  });

  test("new ones get what waits; what is under way goes on", async () => {
    await using scene = await Scene.start({ limits: { maxInFlight: 1 } });
    scene.holdAnswers();
    const first = scene.guest();
    first.invoke("m", "1");
    const second = scene.guest();
    await scene.upstream.called(1);
    await using other = await UpstreamServer.start();
    scene.backend.useTemplates([template(other.url)]);
    await other.called(1);
    assert.equal(other.requests[0]?.connectionId, second.client.id);
    assert.deepEqual(first.completions, []);
    await scene.drained();
    assert.deepEqual(scene.upstream.events, ["connected"]);
    assert.deepEqual(other.events, ["connected", "m"]);
    assert.deepEqual(first.completions, [{ type: 3, invocationId: "1" }]);
    scene.tick(1_000);
  });

  test("what waits and no longer matches is told so", async () => {
    await using scene = await Scene.start({ limits: { maxInFlight: 1 } });
    const guests = [scene.guest(), scene.guest()];
    await scene.drained();
    scene.holdAnswers();
    for (const guest of guests) guest.invoke("m", "1");
    await scene.upstream.called(3);
    scene.backend.useTemplates([]);
    assert.match(JSON.stringify(guests[1]?.completions), /No upstream is configured/);
    await scene.drained();
    assert.deepEqual(guests[0]?.completions, [{ type: 3, invocationId: "1" }]);
  });

  test("an event whose name makes no URL fails", async () => {
    await using scene = await Scene.start({
      templates: [template("http://127.0.0.1:1/{event}/x", { categories: "messages" })],
    });
    const guest = scene.guest();
    guest.invoke("..", "1");
    await scene.drained();
    assert.match(JSON.stringify(guest.completions), /Invocation failed, status code 500/);
    assert.equal(scene.named("upstream.failed")[0]?.outcome, "badUrl");
  });
});

describe("bounds", () => {
  test("so many calls are under way at once, the others wait", async () => {
    await using scene = await Scene.start({ limits: { maxInFlight: 2 } });
    scene.holdAnswers();
    for (let n = 0; n < 6; n++) scene.guest();
    for (let count = 2; count <= 6; count++) {
      await scene.upstream.called(count);
      assert.equal(scene.upstream.requests.length, count);
      scene.answer();
    }
    assert.deepEqual(
      new Set(scene.upstream.requests.map(({ connectionId }) => connectionId)),
      new Set(["c0", "c1", "c2", "c3", "c4", "c5"]),
    );
    await scene.drained();
  });

  test("where too many clients wait, invocations get an error and the others are dropped, which is told", async () => {
    await using scene = await Scene.start({ limits: { maxInFlight: 1, maxWaiting: 1 }, templates: [] });
    scene.backend.useTemplates([template(scene.upstream.url, { categories: "messages" })]);
    scene.holdAnswers();
    const guests = Array.from({ length: 4 }, () => scene.guest());
    guests[0]?.invoke("a", "1");
    guests[1]?.invoke("b", "1");
    guests[2]?.invoke("c", "1");
    guests[3]?.invoke("d");
    const error = "Invocation failed, too busy: too many clients wait for this upstream.";
    assert.deepEqual(guests[2]?.completions, [{ type: 3, invocationId: "1", error }]);
    scene.tick(10_000);
    const dropped = scene.named("upstream.dropped").map(({ event, count }) => [event, count]);
    assert.deepEqual(dropped, [
      ["c", 1],
      ["d", 1],
    ]);
    await scene.drained();
    assert.deepEqual(scene.upstream.events, ["a", "b"]);
  });

  test("a client's queue has so many messages, and its going is told all the same", async () => {
    await using scene = await Scene.start({ limits: { maxClientMessages: 2 } });
    scene.holdAnswers();
    const guest = scene.guest();
    for (const name of ["a", "b", "c"]) guest.invoke(name, name);
    guest.invoke("d");
    const error = "Invocation failed, too busy: too many messages of this client wait.";
    assert.deepEqual(guest.completions, [{ type: 3, invocationId: "c", error }]);
    guest.leave();
    await scene.drained();
    assert.deepEqual(scene.upstream.events, ["connected", "a", "b", "disconnected"]);
  });

  test("a client's queue has so many bytes, but at least one message", async () => {
    await using scene = await Scene.start({ limits: { maxClientBytes: 1_000 } });
    scene.holdAnswers();
    const guest = scene.guest();
    guest.invoke("a", "a", ["x".repeat(2_000)]);
    guest.invoke("b", "b");
    const error = "Invocation failed, too busy: too many bytes of this client wait.";
    assert.deepEqual(guest.completions, [{ type: 3, invocationId: "b", error }]);
    await scene.drained();
    assert.deepEqual(scene.upstream.events, ["connected", "a"]);
  });

  test("all clients together have so many bytes", async () => {
    await using scene = await Scene.start({ limits: { maxQueuedBytes: 5_000 } });
    scene.holdAnswers();
    const guests = Array.from({ length: 3 }, () => scene.guest());
    for (const guest of guests) guest.invoke("m", "1", ["x".repeat(2_000)]);
    const error = "Invocation failed, too busy: too many bytes wait for all clients.";
    assert.deepEqual(
      guests.map(({ completions }) => completions),
      [[], [], [{ type: 3, invocationId: "1", error }]],
    );
    await scene.drained();
  });

  test("thousands of clients that leave at once wait up to the bound while the upstream hangs; the others are counted", async () => {
    await using scene = await Scene.start({ templates: [], limits: { maxInFlight: 4, maxWaiting: 3_000 } });
    const guests = Array.from({ length: 5_000 }, () => scene.guest());
    scene.backend.useTemplates([template(scene.upstream.url)]);
    scene.upstream.answer = () => {};
    for (const guest of guests) guest.leave();
    assert.equal(scene.backend.size, 3_004);
    scene.tick(10_000);
    const counts = scene.named("upstream.dropped").map(({ event, count }) => [event, count]);
    assert.deepEqual(counts, [
      ["disconnected", 1],
      ["disconnected", 1_995],
    ]);
    await scene.upstream.called(4);
    scene.upstream.answer = (response) => void response.writeHead(204).end();
    scene.tick(100_000); // those under way are given up, and the next are tried
    await scene.backend.drained();
    assert.equal(scene.named("upstream.answered").length, 3_000);
  });

  test("thousands of clients that leave at once while nobody listens are tried again up to the bound, and all are counted", async () => {
    await using scene = await Scene.start({
      templates: [],
      retries: 1,
      limits: { maxInFlight: 50, maxWaiting: 2_000 },
    });
    const guests = Array.from({ length: 5_000 }, () => scene.guest());
    await scene.upstream[Symbol.asyncDispose]();
    scene.backend.useTemplates([template("http://127.0.0.1:1/")]);
    for (const guest of guests) guest.leave();
    assert.equal(scene.backend.size, 2_050);
    while (scene.backend.size > 0) {
      scene.tick(500);
      await nextTurn();
    }
    scene.tick(10_000);
    const sum = (name: "upstream.dropped" | "upstream.failed"): number =>
      scene.named(name).reduce((total, { count }) => total + count, 0);
    assert.equal(sum("upstream.dropped"), 5_000 - 2_050);
    const tried = sum("upstream.failed");
    assert.ok(tried > 2_050 && tried <= 2 * 2_050, `${tried}`);
    assert.equal(scene.backend.heldBytes, 0);
  });

  test("a thousand failures are one line, and their sum", async () => {
    await using scene = await Scene.start();
    scene.upstream.answer = (response) => void response.writeHead(500).end();
    const guests = Array.from({ length: 100 }, () => scene.guest());
    for (const guest of guests) guest.leave();
    await scene.backend.drained();
    scene.tick(10_000);
    assert.deepEqual(
      scene.named("upstream.failed").map(({ count }) => count),
      [1, 199],
    );
  });
});

describe("time", () => {
  test("a call that takes too long fails as status 500, and the client's next one is made", async () => {
    await using scene = await Scene.start();
    const guest = scene.guest();
    await scene.drained();
    scene.upstream.answer = (response, { event }) => {
      if (event !== "hangs") response.writeHead(204).end();
    };
    guest.invoke("hangs", "1");
    guest.invoke("next", "2");
    await scene.upstream.called(2);
    scene.tick(99_999);
    assert.deepEqual(guest.completions, []);
    scene.tick(1);
    await scene.backend.drained();
    assert.deepEqual(guest.completions, [
      { type: 3, invocationId: "1", error: "Invocation failed, status code 500" },
      { type: 3, invocationId: "2" },
    ]);
    const [failed] = scene.named("upstream.failed");
    assert.deepEqual([failed?.outcome, failed?.reason], ["timeout", "it took longer than 100 s"]);
  });

  test("an answer that stops half-way is cancelled", async () => {
    await using scene = await Scene.start();
    const guest = scene.guest();
    await scene.drained();
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    scene.upstream.answer = (response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
      resolve(response);
    };
    guest.invoke("m", "1");
    const { heldBytes } = scene.backend;
    await promise;
    while (scene.backend.heldBytes === heldBytes) await nextTurn();
    scene.tick(100_000);
    const error = "Invocation failed, response cancelled.";
    assert.deepEqual(guest.completions, [{ type: 3, invocationId: "1", error }]);
  });

  test("connected and disconnected are tried again after 1, 2, 4 seconds, where that is configured, and messages are not", async () => {
    await using scene = await Scene.start({ retries: 3 });
    scene.upstream.answer = (response) => void response.writeHead(503).end();
    const guest = scene.guest();
    guest.invoke("m");
    const calledAtMs: number[] = [];
    for (let count = 1; count <= 4; count++) {
      while (scene.upstream.requests.length < count) {
        scene.tick(50);
        await nextTurn();
      }
      calledAtMs.push(scene.clock.monotonicMs());
    }
    await scene.backend.drained();
    assert.deepEqual(scene.upstream.events, ["connected", "connected", "connected", "connected", "m"]);
    for (const [retry, waitMs] of [1_000, 2_000, 4_000].entries())
      assert.ok((calledAtMs[retry + 1] ?? 0) - (calledAtMs[retry] ?? 0) >= waitMs, String(calledAtMs));
  });

  test("a refusal is not tried again", async () => {
    await using scene = await Scene.start({ retries: 3 });
    scene.upstream.answer = (response) => void response.writeHead(403).end();
    scene.guest();
    await scene.backend.drained();
    assert.deepEqual(scene.upstream.events, ["connected"]);
  });
});

describe("a connected event that fails", () => {
  test("changes nothing for the client, by default", async () => {
    await using scene = await Scene.start();
    scene.upstream.answer = (response) => void response.writeHead(403).end();
    const guest = scene.guest();
    await scene.backend.drained();
    assert.equal(guest.closedBecause, undefined);
  });

  test("closes the client where that is configured, and nothing more is told of it", async () => {
    await using scene = await Scene.start({ rejectOnConnectedFailure: true });
    scene.upstream.answer = (response) => void response.writeHead(403).end();
    const guest = scene.guest();
    guest.invoke("m", "1");
    await scene.backend.drained();
    assert.deepEqual(guest.closedBecause, {
      category: "InvokeUpstreamFailed",
      message: "The upstream did not take the client: it answered 403.",
      allowReconnect: false,
    });
    assert.deepEqual(scene.upstream.events, ["connected"]);
    assert.equal(scene.backend.heldBytes, 0);
  });

  test("of a client that has left meanwhile is not followed by its going", async () => {
    await using scene = await Scene.start({ rejectOnConnectedFailure: true });
    const answered = Promise.withResolvers<ServerResponse>();
    scene.upstream.answer = (response) => answered.resolve(response);
    const guest = scene.guest();
    guest.leave();
    (await answered.promise).writeHead(403).end();
    await scene.backend.drained();
    assert.equal(guest.closedBecause?.category, "Normal");
    assert.deepEqual(scene.upstream.events, ["connected"]);
  });

  test("closes the client also when the upstream is too busy for it", async () => {
    await using scene = await Scene.start({
      rejectOnConnectedFailure: true,
      limits: { maxInFlight: 1, maxWaiting: 0 },
    });
    scene.holdAnswers();
    scene.guest();
    const guest = scene.guest();
    assert.equal(guest.closedBecause?.category, "InvokeUpstreamFailed");
    assert.equal(scene.backend.size, 1);
    await scene.drained();
  });
});

describe("Auth", () => {
  test("headers are sent along", async () => {
    await using scene = await Scene.start({ templates: [] });
    const headers = [{ name: "x-functions-key", value: "planted-secret", shownValue: "${env:KEY}" }];
    scene.backend.useTemplates([template(scene.upstream.url, { auth: { type: "headers", headers } })]);
    scene.guest();
    await scene.drained();
    assert.equal(scene.upstream.requests[0]?.headers["x-functions-key"], "planted-secret");
    assert.ok(!JSON.stringify(scene.events).includes("planted-secret"));
  });

  test("a token is fetched once for many calls, and anew when it is refused", async () => {
    await using scene = await Scene.start({ templates: [] });
    let tokens = 0;
    scene.upstream.answer = (response, { url, headers }) => {
      if (url === "/token") response.end(JSON.stringify({ access_token: `t${++tokens}`, expires_in: 3600 }));
      else response.writeHead(headers.authorization === "Bearer t1" && tokens === 1 ? 401 : 204).end();
    };
    const auth = {
      type: "clientCredentials",
      tokenUrl: `${scene.upstream.url}/token`,
      clientId: "i",
      clientSecret: "s",
      scope: undefined,
    } as const;
    scene.backend.useTemplates([template(`${scene.upstream.url}/hook`, { auth })]);
    for (let n = 0; n < 5; n++) scene.guest();
    await scene.backend.drained();
    assert.equal(tokens, 1);
    scene.guest();
    await scene.backend.drained();
    assert.equal(tokens, 2);
    assert.equal(scene.upstream.requests.at(-1)?.headers.authorization, "Bearer t2");
  });

  test("a token endpoint that hangs holds a call up no longer than any other", async () => {
    await using scene = await Scene.start({ templates: [] });
    scene.upstream.answer = () => {};
    const auth = {
      type: "clientCredentials",
      tokenUrl: `${scene.upstream.url}/token`,
      clientId: "i",
      clientSecret: "s",
      scope: undefined,
    } as const;
    scene.backend.useTemplates([template("http://127.0.0.1:1/", { auth, categories: "messages" })]);
    const guest = scene.guest();
    guest.invoke("m", "1");
    await scene.upstream.called(1);
    scene.tick(100_000);
    await scene.backend.drained();
    assert.match(JSON.stringify(guest.completions), /Invocation failed, status code 500/);
  });
});

describe("the end", () => {
  test("drained resolves when the last event was told", async () => {
    await using scene = await Scene.start();
    scene.holdAnswers();
    scene.guest().leave();
    let isDrained = false;
    const drained = scene.backend.drained().then(() => {
      isDrained = true;
    });
    await scene.upstream.called(1);
    assert.equal(isDrained, false);
    scene.answer();
    await scene.upstream.called(2);
    assert.equal(isDrained, false);
    scene.answer();
    await drained;
    await scene.backend.drained();
  });

  test("cut gives up what is under way, what waits and what comes, and tells how much", async () => {
    await using scene = await Scene.start({ limits: { maxInFlight: 2 }, retries: 1 });
    scene.holdAnswers();
    const guests = Array.from({ length: 5 }, () => scene.guest());
    for (const guest of guests) guest.invoke("m");
    await scene.upstream.called(2);
    scene.backend.cut();
    await scene.backend.drained();
    assert.deepEqual([scene.backend.size, scene.backend.heldBytes], [0, 0]);
    for (const guest of guests) guest.leave();
    scene.tick(10_000);
    const sum = (name: "upstream.dropped" | "upstream.failed"): number =>
      scene.named(name).reduce((total, { count }) => total + count, 0);
    assert.equal(sum("upstream.failed"), 2);
    assert.equal(sum("upstream.dropped"), 3 + 5 + 5);
    assert.equal(scene.upstream.requests.length, 2);
  });
});

test("nothing is under way twice for one client, whatever it does", async () => {
  await using scene = await Scene.start();
  let isUnderWay = false;
  scene.upstream.answer = (response) => {
    assert.equal(isUnderWay, false);
    isUnderWay = true;
    setImmediate(() => {
      isUnderWay = false;
      response.writeHead(204).end();
    });
  };
  const guest = scene.guest();
  for (let n = 0; n < 50; n++) {
    guest.invoke("m");
    if (n % 7 === 0) await nextTurn();
  }
  guest.leave();
  await scene.backend.drained();
  assert.equal(scene.upstream.requests.length, 52);
});
