import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AUDIENCE, issuerKey, issuerToken, TestIssuer } from "../../test/support/oidc-issuer.ts";
import { RestNode } from "../../test/support/rest-node.ts";
import { folders, operationsByPath } from "./operations.ts";

const VERSION = "api-version=2024-12-01";
const key = issuerKey("ES256", "k");

/** A header with a token of the issuer for a caller with this role. */
function bearer(issuer: TestIssuer, node: RestNode, role: string): { authorization: string } {
  const token = issuerToken(key, issuer.claims(node.clock.epochMs(), [role]));
  return { authorization: `Bearer ${token}` };
}

const ROLES = {
  "SignalR Service Owner": ["read", "write", "server"],
  "SignalR REST API Owner": ["read", "write"],
  "SignalR REST API Reader": ["read"],
  "SignalR App Server": ["server"],
  Stranger: [],
} as const;

describe("a caller with a token of an issuer", () => {
  for (const [role, permissions] of Object.entries<readonly string[]>(ROLES))
    test(`as ${role} may call what its role allows and gets 403 for the rest, on every version's path`, async () => {
      await using issuer = await TestIssuer.start(key);
      await using node = await RestNode.start({ issuers: [issuer.options] });
      for (const family of ["dated", "v1", "hubwire"] as const)
        for (const [path, byMethod] of operationsByPath(family))
          for (const [method, { access }] of byMethod) {
            const url = `${folders[family]}${path.replace(/\{\w+\}/g, "x")}?${VERSION}`;
            const headers = bearer(issuer, node, role);
            const { statusCode, headers: answered } = await node.call(method, url, { headers });
            if (access === "anonymous") assert.equal(statusCode, 200);
            else if (permissions.includes(access))
              assert.ok(![401, 403, 500, 503].includes(statusCode), `${method} ${url}: ${statusCode}`);
            else {
              assert.equal(statusCode, 403, `${method} ${url}`);
              assert.equal(answered["x-ms-error-code"], "Error.Request.Forbidden");
            }
          }
    });

  test("is told which roles would do, as an ErrorDetail or as v1's text, and so is the log", async () => {
    await using issuer = await TestIssuer.start(key);
    await using node = await RestNode.start({ issuers: [issuer.options] });
    const headers = bearer(issuer, node, "SignalR REST API Reader");
    const message =
      "The caller has none of the roles that may do this: 'SignalR Service Owner', 'SignalR REST API Owner'.";
    const dated = await node.call("POST", `/api/hubs/chat/:send?${VERSION}`, { headers });
    assert.deepEqual(dated.json(), { code: "Error.Request.Forbidden", message });
    assert.equal((await node.call("POST", "/api/v1/hubs/chat", { headers })).body, message);
    const refused = { name: "rest.unauthorized", method: "POST", reason: message };
    assert.deepEqual(node.events.slice(1), [
      { ...refused, path: "/api/hubs/chat/:send" },
      { ...refused, path: "/api/v1/hubs/chat" },
    ]);
  });

  test("sends a message with the one token that it has for everything", async () => {
    await using issuer = await TestIssuer.start(key);
    await using node = await RestNode.start({ issuers: [issuer.options] });
    const client = node.connect("c");
    const headers = { ...bearer(issuer, node, "SignalR REST API Owner"), "content-type": "application/json" };
    for (const url of [`/api/hubs/chat/:send?${VERSION}`, "/api/v1/hubs/chat/connections/c"])
      assert.equal((await node.call("POST", url, { headers, body: '{"target":"say"}' })).statusCode, 202);
    assert.equal(client.sent.length, 2);
  });

  test("gets 401 with a challenge while its token is not good, before its role counts", async () => {
    await using issuer = await TestIssuer.start(key);
    await using node = await RestNode.start({ issuers: [issuer.options] });
    const claims = issuer.claims(node.clock.epochMs());
    const invalid = (description: string): string =>
      `Bearer error="invalid_token", error_description="${description}"`;
    for (const [wrong, challenge] of [
      [{ ...claims, aud: `${AUDIENCE}/api/hubs/x/:send` }, invalid("The audience is invalid")],
      [{ ...claims, iss: "https://other.example" }, invalid("The issuer is invalid")],
      [{ ...claims, exp: 1, nbf: 0 }, invalid("The token expired at '01/01/1970 00:00:01'")],
    ] as const) {
      const headers = { authorization: `Bearer ${issuerToken(key, wrong)}` };
      const response = await node.call("POST", `/api/hubs/chat/:send?${VERSION}`, { headers });
      assert.equal(response.statusCode, 401);
      assert.equal(response.headers["www-authenticate"], challenge);
      assert.equal(response.body, "");
    }
  });

  test("gets 503 while the issuer cannot be asked, and no fault is logged but that", async () => {
    await using issuer = await TestIssuer.start(key);
    await using node = await RestNode.start({ issuers: [issuer.options] });
    issuer.instead = (_path, response) => response.destroy();
    const headers = bearer(issuer, node, "SignalR Service Owner");
    const response = await node.call("HEAD", `/api/hubs/chat/groups/g?${VERSION}`, { headers });
    assert.equal(response.statusCode, 503);
    assert.equal(response.headers["x-ms-error-code"], "Error.Service.Unavailable");
    assert.deepEqual(
      node.events.map(({ name }) => name),
      ["auth.issuer_failed", "rest.unauthorized"],
    );
  });
});

describe("GET accessKey", () => {
  test("gives the same key by any path to callers with an access key and to app servers, for no cache to keep", async () => {
    await using issuer = await TestIssuer.start(key);
    await using node = await RestNode.start({ issuers: [issuer.options] });
    const app = bearer(issuer, node, "SignalR App Server");
    const bodies = new Set<string>();
    for (const [url, headers] of [
      [`/api/auth/accessKey?${VERSION}`, {}],
      ["/api/v1/auth/accessKey", {}],
      ["/api/v1/auth/accessKey", app],
      ["/api/v1/auth/accessKey?serverId=s", app],
      ["/API/v1/Auth/AccessKey/", app],
    ] as const) {
      const response = await node.call("GET", url, { headers });
      assert.equal(response.statusCode, 200, response.body);
      assert.equal(response.headers["cache-control"], "no-store");
      bodies.add(response.body);
    }
    assert.equal(bodies.size, 1);
    assert.deepEqual(Object.keys(JSON.parse([...bodies][0] ?? "{}")), ["AccessKey", "KeyId"]);
  });
});
