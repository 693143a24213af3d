import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { createAppServer } from "./index.ts";
import { TokenTooLongError } from "./negotiate.ts";

const ACCESS_KEY = "test-key-0123456789-0123456789";

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** Posts to a handler as a client does. */
async function post(handler: RequestListener, path: string, method = "POST"): Promise<Response> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    return await fetch(`http://127.0.0.1:${port}${path}`, { method });
  } finally {
    server.close();
  }
}

describe("negotiating", () => {
  test("sends a client to the service, with what its token and its URL say", () => {
    const app = createAppServer({
      connectionString: `Endpoint=http://internal;Port=8888;ClientEndpoint=https://public.example:444/base;AccessKey=${ACCESS_KEY};`,
      hub: "Chat",
      applicationName: "App",
      detailedErrors: true,
    });
    const { url, accessToken } = app.negotiate({
      userId: "ann",
      claims: { role: ["a", "b"], team: "x", exp: "never" },
      path: "/chat rooms",
      query: "negotiateVersion=1&room=5",
      lifetimeSeconds: 60,
    });
    assert.match(
      url,
      /^https:\/\/public\.example:444\/base\/client\/\?hub=app_chat&asrs\.op=%2Fchat%20rooms&negotiateVersion=1&room=5&asrs_request_id=[0-9a-f-]{36}$/,
    );
    const { exp, iat, nbf, ...claims } = claimsOf(accessToken);
    assert.equal(Number(exp) - Number(iat), 60);
    assert.equal(nbf, iat);
    assert.deepEqual(claims, {
      role: ["a", "b"],
      team: "x",
      "asrs.u.exp": "never",
      "asrs.s.derror": "True",
      "asrs.s.uid": "ann",
      aud: "http://internal/client/?hub=app_chat",
    });
  });

  test("without a name or a path sends an anonymous client", () => {
    const app = createAppServer({
      connectionString: `Endpoint=http://localhost;AccessKey=${ACCESS_KEY};`,
      hub: "chat",
    });
    const { url, accessToken } = app.negotiate();
    assert.match(url, /^http:\/\/localhost\/client\/\?hub=chat&asrs_request_id=/);
    assert.deepEqual(Object.keys(claimsOf(accessToken)).sort(), ["aud", "exp", "iat", "nbf"]);
    assert.throws(() => app.negotiate({ claims: { long: "x".repeat(4_000) } }), TokenTooLongError);
  });

  test("a ready handler answers as Azure's SDK does", async () => {
    const { server } = await TestAppServer.start();
    await using _ = server;
    const handler = server.app.negotiateHandler((request) => ({ userId: request.headers.host ?? "" }));
    const response = await post(handler, "/chat/negotiate?negotiateVersion=1&x=y");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    const body = (await response.json()) as { url: string; accessToken: string };
    const { url, accessToken, ...rest } = body;
    assert.deepEqual(rest, { negotiateVersion: 0, availableTransports: [] });
    assert.match(url, /&asrs\.op=%2Fchat&negotiateVersion=1&x=y&asrs_request_id=/);
    assert.match(String(claimsOf(accessToken)["asrs.s.uid"]), /^127\.0\.0\.1:/);
  });

  test("a ready handler refuses who is not let in, other methods, long tokens, faults and while nobody would be served", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const { app } = server;
    const path = "/chat/negotiate";
    assert.equal((await post(app.negotiateHandler(), path, "GET")).status, 405);
    assert.equal(
      (
        await post(
          app.negotiateHandler(async () => undefined),
          path,
        )
      ).status,
      401,
    );
    const long = app.negotiateHandler(() => ({ claims: { long: "x".repeat(4_000) } }));
    assert.equal((await post(long, path)).status, 413);
    const faulty = app.negotiateHandler(() => {
      throw new Error("secret");
    });
    const fault = await post(faulty, path);
    assert.equal(fault.status, 500);
    assert.doesNotMatch(await fault.text(), /secret/);
    end.socket.terminate();
    await server.event("server_connection.closed");
    assert.equal((await post(app.negotiateHandler(), path)).status, 503);
  });
});

test("options that make no sense are refused", () => {
  const connectionString = `Endpoint=http://localhost;AccessKey=${ACCESS_KEY};`;
  assert.throws(() => createAppServer({ connectionString: "Endpoint=x", hub: "chat" }), /Endpoint|AccessKey/);
  for (const options of [
    { hub: "" },
    { hub: "a b" },
    { applicationName: "1" },
    { connections: 0 },
    { keepAliveMs: 1.5 },
    { maxMessageBytes: Number.NaN },
    { protocols: [] },
  ])
    assert.throws(() => createAppServer({ connectionString, hub: "chat", ...options }), TypeError);
});
