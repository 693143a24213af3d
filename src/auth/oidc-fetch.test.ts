import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { issuerKey, TestIssuer } from "../../test/support/oidc-issuer.ts";
import { fetchJson, fetchOidcKeys } from "./oidc-fetch.ts";

const key = issuerKey("ES256", "k");

describe("discovery", () => {
  test("begins below the issuer, whether it ends with a slash or not", async () => {
    await using issuer = await TestIssuer.start(key);
    for (const name of [`${issuer.url}/tenant/v2.0`, `${issuer.url}/tenant/v2.0/`]) {
      issuer.instead = (path, response) =>
        void response.end(
          JSON.stringify(
            path === "/keys" ? { keys: [key.jwk] } : { issuer: name, jwks_uri: `${issuer.url}/keys` },
          ),
        );
      assert.equal((await fetchOidcKeys({ issuer: name })).size, 1);
      assert.deepEqual(issuer.requests.splice(0), ["/tenant/v2.0/.well-known/openid-configuration", "/keys"]);
    }
  });

  test("must be of this very issuer", async () => {
    await using issuer = await TestIssuer.start(key);
    await assert.rejects(fetchOidcKeys({ issuer: `${issuer.url}/` }), /is of another issuer, "http/);
    issuer.instead = (_path, response) => void response.end("{}");
    await assert.rejects(fetchOidcKeys({ issuer: issuer.url }), /is of another issuer, undefined/);
  });

  test("must name a key set by URL", async () => {
    await using issuer = await TestIssuer.start(key);
    for (const jwksUri of [undefined, 1, "/keys", "file:///etc/passwd", "data:application/json,{}"]) {
      issuer.instead = (_path, response) =>
        void response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: jwksUri }));
      await assert.rejects(fetchOidcKeys({ issuer: issuer.url }), /has no jwks_uri that could be used/);
    }
    assert.equal(issuer.requests.length, 5);
  });
});

describe("a document is an error that says where and why, if it", () => {
  const wrong: readonly (readonly [
    what: string,
    answer: (response: ServerResponse) => void,
    error: RegExp,
  ])[] = [
    ["is not there", (response) => void response.writeHead(404).end("{}"), /\/keys answered 404$/],
    [
      "is elsewhere",
      (response) => void response.writeHead(302, { location: "/other" }).end(),
      /\/keys answered 302$/,
    ],
    ["is no JSON", (response) => void response.end("<html>"), /JSON/],
    ["is no object", (response) => void response.end("1"), /did not answer a JSON object/],
    ["has no keys", (response) => void response.end("[]"), /has no key that tokens could be checked with/],
    ["has other keys", (response) => void response.end('{"keys":{"a":1}}'), /has no key that tokens/],
    ["breaks off", (response) => response.destroy(), /closed/],
    ["does not end", endless, /exceeded max size/],
  ];

  for (const [what, answer, error] of wrong)
    test(what, async () => {
      await using issuer = await TestIssuer.start(key);
      issuer.instead = (_path, response) => answer(response);
      await assert.rejects(fetchOidcKeys({ issuer: issuer.url, jwksUrl: `${issuer.url}/keys` }), error);
    });

  test("takes too long, before its beginning or in its middle", async () => {
    await using issuer = await TestIssuer.start(key);
    for (const hang of [() => {}, (response: ServerResponse) => void response.write("{")]) {
      issuer.instead = (_path, response) => hang(response);
      await assert.rejects(fetchJson(issuer.url, 50), { name: "TimeoutError" });
    }
  });

  test("is of a server that is not there", async () => {
    const issuer = await TestIssuer.start(key);
    const { url } = issuer;
    await issuer[Symbol.asyncDispose]();
    await assert.rejects(fetchOidcKeys({ issuer: url }), /ECONNREFUSED/);
  });
});

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 0x20);
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", write);
  write();
}
