// @microsoft/signalr with stateful reconnect by way of an app server, cut in the midst of large messages and uploads:
// node javascript-stateful-client.ts APP_URL TRANSPORT PROTOCOL; ends with 0 when all holds.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Subject } from "@microsoft/signalr";
import { TcpProxy } from "../../test/support/tcp-proxy.ts";
import { connectionTo, endAfter } from "./javascript-connection.ts";

const [url = "", transport = "", protocol = ""] = process.argv.slice(2);
const sizes = [500_000, 3_000_000];
const cutsAfterMs = [0, 3, 10, 30, 60];
/** The client acknowledges once a second, and what it has not may not become more than the service keeps. */
const betweenCutsMs = 500;

let current = "start";
endAfter(50_000, () => current);

let proxy: TcpProxy | undefined;
async function reroute(serviceUrl: URL): Promise<URL> {
  proxy ??= await TcpProxy.start(serviceUrl.origin);
  return new URL(serviceUrl.pathname + serviceUrl.search, proxy.url);
}

const connection = connectionTo("/main", { url, transport, protocol, isStateful: true, reroute });
let closed = 0;
connection.onclose(() => closed++);
await connection.start();
const id = connection.connectionId;
for (const size of sizes)
  for (const ms of cutsAfterMs) {
    current = `${size} down, cut after ${ms} ms`;
    assert.equal((await cutWithin(connection.invoke<string>("Big", size), ms)).length, size);
    current = `${size} up, cut after ${ms} ms`;
    assert.equal(await cutWithin(connection.invoke<number>("Length", "u".repeat(size)), ms), size);
  }
current = "an upload";
const numbers = new Subject<number>();
const sum = connection.invoke<number>("Sum", numbers);
for (let n = 1; n <= 200; n++) {
  if (n % 60 === 0) proxy?.cut();
  numbers.next(n);
  await (n % 60 === 0 ? isBack() : delay(3));
}
numbers.complete();
assert.equal(await sum, 20_100);
assert.deepEqual([connection.connectionId, closed], [id, 0]);
await connection.stop();
await proxy?.[Symbol.asyncDispose]();

async function cutWithin<T>(transfer: Promise<T>, ms: number): Promise<T> {
  await delay(ms);
  proxy?.cut();
  const [result] = await Promise.all([transfer, delay(betweenCutsMs)]);
  await isBack();
  return result;
}

/** The client gives up when an attempt to come back is cut too. */
async function isBack(): Promise<void> {
  assert.equal(await connection.invoke("Echo", "back"), "back");
}
