import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { UpstreamTemplate } from "../../src/config/config.ts";
import { signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { jsonResult, UpstreamServer } from "../support/upstream-server.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-auth-"));
after(() => rmSync(folder, { recursive: true }));
const SECRET_FILE = path.join(folder, "client-secret");
writeFileSync(SECRET_FILE, "planted-secret-in-file\n");
process.env["TEST_UPSTREAM_KEY"] = "planted-secret-in-env";

/** Starts a node whose webhook is behind this, and invokes there three times. */
async function invokeThrice(
  upstream: UpstreamServer,
  Auth: NonNullable<UpstreamTemplate["Auth"]>,
): Promise<{ results: readonly unknown[]; events: string }> {
  const template = { UrlTemplate: `${upstream.url}/hook`, CategoryPattern: "messages", Auth };
  await using hubwire = await TestHubwire.start({ upstream: { templates: [template] } });
  const client = signalrClient(hubwire);
  await client.start();
  const results: unknown[] = [];
  for (let n = 0; n < 3; n++)
    results.push(await client.invoke("Echo", n).catch(({ message }: Error) => message));
  await client.stop();
  return { results, events: JSON.stringify(hubwire.events) };
}

test("a webhook gets the headers of its template, with their secrets, which no event has", async () => {
  await using upstream = await UpstreamServer.start((response, request) =>
    jsonResult(response, request, request.headers["x-functions-key"]),
  );
  const Headers = { "x-functions-key": "${env:TEST_UPSTREAM_KEY}" };
  const { results, events } = await invokeThrice(upstream, { Type: "Headers", Headers });
  assert.deepEqual(results, Array(3).fill("planted-secret-in-env"));
  assert.ok(!events.includes("planted-secret"));
});

test("a webhook gets a token of OAuth 2.0 client credentials, and another when it refuses that; no event has one", async () => {
  let tokens = 0;
  await using upstream = await UpstreamServer.start((response, request) => {
    if (request.url === "/token")
      response.end(JSON.stringify({ access_token: `planted-secret-token-${++tokens}`, expires_in: 3600 }));
    else if (
      request.headers.authorization === "Bearer planted-secret-token-1" &&
      upstream.requests.length > 2
    )
      response.writeHead(401).end();
    else jsonResult(response, request, request.headers.authorization);
  });
  const { results, events } = await invokeThrice(upstream, {
    Type: "ClientCredentials",
    TokenUrl: `${upstream.url}/token`,
    ClientId: "hubwire",
    ClientSecret: `\${file:${SECRET_FILE}}`,
    Scope: "hooks",
  });
  assert.deepEqual(results, [
    "Bearer planted-secret-token-1",
    "Invocation failed, status code 401",
    "Bearer planted-secret-token-2",
  ]);
  const asked = upstream.requests.filter(({ url }) => url === "/token");
  assert.equal(asked.length, 2);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[0]?.body.toString())), {
    grant_type: "client_credentials",
    client_id: "hubwire",
    client_secret: "planted-secret-in-file",
    scope: "hooks",
  });
  assert.ok(!events.includes("planted-secret"));
});

test("without a token nothing is sent, and the client that waits is told", async () => {
  await using upstream = await UpstreamServer.start(
    (response) =>
      void response.writeHead(400).end('{"error":"invalid_client","error_description":"planted-secret"}'),
  );
  const { results, events } = await invokeThrice(upstream, {
    Type: "ClientCredentials",
    TokenUrl: `${upstream.url}/token`,
    ClientId: "hubwire",
    ClientSecret: "planted-secret",
  });
  assert.deepEqual(results, Array(3).fill("Invocation failed, status code 500"));
  assert.deepEqual(new Set(upstream.requests.map(({ url }) => url)), new Set(["/token"]));
  assert.match(events, /"outcome":"noToken".*it answered 400/);
  assert.ok(!events.includes("planted-secret"));
});
