import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { TestHubwire } from "../support/start-hubwire.ts";

const CHROMIUM = "/usr/bin/chromium";
const skip = existsSync(CHROMIUM) ? false : "Debian's chromium is not installed";
const SIGNALR = createRequire(import.meta.url).resolve("@microsoft/signalr/dist/browser/signalr.min.js");

/** What the page in `pageServer` offers to the test. */
interface PageGlobals {
  signalR: typeof import("@microsoft/signalr");
}

/** A page with Microsoft's client, on an origin of its own. */
async function pageServer(): Promise<{ origin: string } & AsyncDisposable> {
  const script = readFileSync(SIGNALR);
  const server = createServer((request, response) => {
    if (request.url === "/signalr.js") response.setHeader("Content-Type", "text/javascript").end(script);
    else
      response
        .setHeader("Content-Type", "text/html")
        .end('<!doctype html><script src="/signalr.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Debian's Chromium, which ends with the test. */
async function openPage(origin: string) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-sync",
    ],
  });
  const page = await browser.newPage();
  await page.goto(origin);
  return { page, [Symbol.asyncDispose]: () => browser.close() };
}

for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"] as const)
  test(`N17, N18: a page of another origin is served over ${transport}`, { skip }, async () => {
    await using hubwire = await TestHubwire.start();
    await using server = await pageServer();
    await using browser = await openPage(server.origin);
    const connecting = browser.page.evaluate(
      async ({ url, token, kind }) => {
        const { signalR } = globalThis as unknown as PageGlobals;
        const client = new signalR.HubConnectionBuilder()
          .withUrl(url, { transport: signalR.HttpTransportType[kind], accessTokenFactory: () => token })
          .configureLogging(signalR.LogLevel.None)
          .build();
        const message = new Promise((resolve) => client.on("news", (...args) => resolve(args)));
        await client.start();
        const args = await message;
        const refusal = await client.invoke("Nope").catch(String);
        await client.stop();
        return { args, refusal };
      },
      { url: hubwire.clientUrl(), token: hubwire.clientToken(), kind: transport },
    );
    const { transport: used } = await hubwire.event("client.opened");
    await hubwire.send("", "news", ["héllo", 1]);
    const { args, refusal } = await connecting;
    assert.equal(used, transport);
    assert.deepEqual(args, ["héllo", 1]);
    assert.match(String(refusal), /no upstream or app server handles it/);
  });

test("a page of an origin that is not allowed cannot connect", { skip }, async () => {
  await using hubwire = await TestHubwire.start({ cors: { allowedOrigins: ["https://app.example"] } });
  await using server = await pageServer();
  await using browser = await openPage(server.origin);
  const outcomes = await browser.page.evaluate(
    async ({ url, token }) => {
      const { signalR } = globalThis as unknown as PageGlobals;
      const start = (options: object): Promise<string> =>
        new signalR.HubConnectionBuilder()
          .withUrl(url, { accessTokenFactory: () => token, ...options })
          .configureLogging(signalR.LogLevel.None)
          .build()
          .start()
          .then(
            () => "connected",
            () => "refused",
          );
      const webSockets = { skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets };
      return [await start({}), await start(webSockets)];
    },
    { url: hubwire.clientUrl(), token: hubwire.clientToken() },
  );
  assert.deepEqual(outcomes, ["refused", "refused"]);
});
