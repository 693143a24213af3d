import assert from "node:assert/strict";
import { test } from "node:test";
import type { HubConnection } from "@microsoft/signalr";
import type { AppServer } from "../../src/app-server-sdk/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { emptied } from "../support/http-call.ts";
import { signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { startChat } from "../support/start-chat.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const SERVERS = 5;
const CLIENTS = 2 * waysToConnect.length;

/** A client that asks without a pause, and keeps all that it hears. */
class Talker {
  readonly client: HubConnection;
  readonly news: unknown[] = [];
  readonly closed: unknown[] = [];
  asked = 0;
  #isDone = false;
  #talking: Promise<void> = Promise.resolve();

  constructor(hubwire: TestHubwire, way: (typeof waysToConnect)[number]) {
    this.client = signalrClient(hubwire, way);
    this.client.on("news", (n: unknown) => this.news.push(n));
    this.client.onclose((error) => this.closed.push(error ?? "closed"));
  }

  async start(): Promise<void> {
    await this.client.start();
    this.#talking = this.#talk();
  }

  async stop(): Promise<void> {
    this.#isDone = true;
    await this.#talking;
    await this.client.stop();
  }

  /** Every answer is that to the last question, so none is lost, doubled or late. */
  async #talk(): Promise<void> {
    for (; !this.#isDone; this.asked++)
      assert.equal(await this.client.invoke("echo", this.asked), this.asked);
  }
}

test("5 app servers with 5 connections each are replaced one after the other under traffic: no client is closed, loses or repeats anything", async () => {
  await using hubwire = await TestHubwire.start({ clock: systemClock });
  const start = (): Promise<AppServer> =>
    startChat(hubwire, {
      connections: 5,
      shutdown: "migrate",
      methods: { echo: (_context, n: number) => n },
    });
  const servers: AppServer[] = [];
  for (let server = 0; server < SERVERS; server++) servers.push(await start());
  const talkers = Array.from(
    { length: CLIENTS },
    (_, index) => new Talker(hubwire, waysToConnect[index % waysToConnect.length] ?? waysToConnect[0]),
  );
  for (const talker of talkers) await talker.start();
  let sent = 0;
  let isUpdating = true;
  const broadcasting = (async () => {
    for (; isUpdating; sent++) await hubwire.send("", "news", [sent]);
  })();
  for (let server = 0; server < SERVERS; server++) {
    await servers.shift()?.stop();
    servers.push(await start());
  }
  isUpdating = false;
  await broadcasting;
  for (const talker of talkers) await talker.stop();
  for (const { news, closed, asked } of talkers) {
    assert.deepEqual(closed, ["closed"], "by itself");
    assert.ok(asked > 10, `${asked} questions`);
    assert.deepEqual(
      news,
      Array.from({ length: sent }, (_, n) => n),
    );
  }
  const moved = hubwire.events.filter(({ name }) => name === "server.client_migrated").length;
  assert.ok(moved >= CLIENTS / 2, `${moved} clients moved`);
  for (const server of servers) await server.stop();
  await emptied(hubwire);
});
