import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOrigin } from "../../test/support/client-origin.ts";
import { localRouter } from "../../test/support/local-router.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import type { ClientSession } from "./client-session.ts";
import { ClientSessions } from "./client-sessions.ts";
import type { EncodedMessage } from "./encoded-message.ts";
import { Payload } from "./payload.ts";
import type { ClientTransport, MessageBackend } from "./ports.ts";
import { Sweep } from "./sweep.ts";

/** A transport that overflows with the message after those it has room for. */
class NarrowTransport implements ClientTransport {
  readonly kind = "WebSockets";
  readonly bufferedBytes = 0;
  readonly sent: string[] = [];
  session: ClientSession | undefined;
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  send(message: EncodedMessage): void {
    this.sent.push(String(message.bytes));
    const { session } = this;
    if (--this.#room >= 0 || session === undefined) return;
    this.session = undefined;
    session.transportOverflowed(0);
  }

  flush(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}
}

/** One session, and all that it tells those around it, in order. */
class Life implements MessageBackend {
  readonly takes = "messages";
  readonly allowsStatefulReconnect = true;
  readonly told: string[] = [];
  readonly router = localRouter();
  readonly sessions: ClientSessions;
  readonly session: ClientSession;
  readonly groups = Promise.withResolvers<string[]>();

  constructor(transport: NarrowTransport, { statefulReconnect }: { statefulReconnect: boolean }) {
    this.sessions = new ClientSessions({
      router: this.router,
      limits: {
        maxMessageBytes: 1_000,
        maxRelayedMessageBytes: 1_000,
        maxHandshakeBytes: 1_000,
        maxBufferedBytes: 1_000,
        maxPendingConnections: 10,
        maxRequestBodyBytes: 1_000,
        maxHeaderBytes: 1_000,
        maxUrlBytes: 1_000,
        statefulReconnectBufferBytes: 1_000,
      },
      timeouts: {
        handshakeMs: 15_000,
        keepAliveMs: 15_000,
        clientMs: 30_000,
        disconnectMs: 15_000,
        pollIdleMs: 15_000,
        pollMs: 90_000,
        webSocketCloseMs: 5_000,
        sendMs: 10_000,
      },
      clock: new ManualClock(),
      sweep: new Sweep(),
      emit: ({ name }) => void this.told.push(name),
      groupsOf: () => this.groups.promise,
    });
    this.session = this.sessions.start({
      origin: clientOrigin("c", { userId: "alice" }),
      transport,
      backend: this,
      request: { rawHeaders: [], socket: {} },
      statefulReconnect,
      onEnded: () => void this.told.push("ended"),
    });
    transport.session = this.session;
  }

  opened(): void {
    this.told.push("backend.opened");
  }
  received(): void {
    this.told.push("backend.received");
  }
  closed(): void {
    this.told.push("backend.closed");
  }

  /** Shakes hands, up to the reply; as many messages as `news` come before it. */
  async shakeHands({ version, news }: { version: number; news: number }): Promise<void> {
    this.session.receive(Buffer.from(`{"protocol":"json","version":${version}}\x1e`));
    for (let index = 0; index < news; index++) await this.send();
    this.groups.resolve([]);
    await this.groups.promise;
  }

  send(): Promise<void> {
    const payload = Payload.invocation("news", Buffer.from("[]"));
    return this.router.deliver({ hub: "chat", audience: { to: "all" }, excluding: new Set(), payload });
  }

  get left(): Record<string, number> {
    return { ...this.router.size, sessions: this.sessions.size, pending: this.sessions.pending };
  }
}

const NEWS = '{"type":1,"target":"news","arguments":[]}\x1e';
const CLOSE = '{"type":7,"allowReconnect":true}\x1e';
const ONE_LIFE = ["client.opened", "backend.opened", "backend.closed", "client.closed", "ended"];
const NOTHING = { hubs: 0, clients: 0, groups: 0, users: 0, sessions: 0, pending: 0 };

test("a client for which all that waited for its handshake is too much lives and ends once", async () => {
  const transport = new NarrowTransport(2);
  const life = new Life(transport, { statefulReconnect: false });
  await life.shakeHands({ version: 1, news: 3 });
  assert.deepEqual(transport.sent, ["{}\x1e", NEWS, NEWS, CLOSE]);
  assert.deepEqual(life.told, ONE_LIFE);
  assert.deepEqual(life.left, NOTHING);
});

for (const [word, record] of [
  ["a Close", '{"type":7}'],
  ["an invocation", '{"type":1,"target":"A","arguments":[]}'],
] as const)
  test(`a client for which all that waited for its first word, ${word}, is too much lives and ends once`, async () => {
    const transport = new NarrowTransport(2);
    const life = new Life(transport, { statefulReconnect: true });
    await life.shakeHands({ version: 2, news: 3 });
    assert.deepEqual(transport.sent, ["{}\x1e"]);
    life.session.receive(Buffer.from(`${record}\x1e`));
    assert.deepEqual(transport.sent, ["{}\x1e", NEWS, NEWS, CLOSE]);
    assert.deepEqual(life.told, ONE_LIFE);
    assert.deepEqual(life.left, NOTHING);
  });

test("a client for whose new socket all that it missed is too much ends there, and is not reattached", async () => {
  const life = new Life(new NarrowTransport(100), { statefulReconnect: true });
  await life.shakeHands({ version: 2, news: 0 });
  life.session.receive(Buffer.from('{"type":6}\x1e'));
  life.session.transportClosed(false, "lost");
  for (let index = 0; index < 3; index++) await life.send();
  const transport = new NarrowTransport(2);
  transport.session = life.session;
  life.session.reattach(transport);
  assert.deepEqual(transport.sent.slice(0, 3), ['{"type":9,"sequenceId":1}\x1e', NEWS, NEWS]);
  assert.deepEqual(life.told, ONE_LIFE);
  assert.deepEqual(life.left, NOTHING);
});

test("a fault of the service costs the client its connection, and nothing is thrown at the transport", async () => {
  class Faulty extends Life {
    override received(): void {
      throw new TypeError("a bug");
    }
  }
  const transport = new NarrowTransport(100);
  const life = new Faulty(transport, { statefulReconnect: false });
  await life.shakeHands({ version: 1, news: 0 });
  life.session.receive(Buffer.from('{"type":1,"target":"A","arguments":[]}\x1e'));
  assert.deepEqual(transport.sent, ["{}\x1e", CLOSE]);
  assert.deepEqual(life.told, [
    "client.opened",
    "backend.opened",
    "client.failed",
    "backend.closed",
    "client.closed",
    "ended",
  ]);
  assert.deepEqual(life.left, NOTHING);
});
