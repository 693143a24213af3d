import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { AccessToken } from "./access-token.ts";
import { type UpstreamFailure, unanswered } from "./failure.ts";
import type { HttpAnswer, HttpRequest } from "./http-call.ts";

const CREDENTIALS = {
  tokenUrl: "https://login.example/token",
  clientId: "id&1",
  clientSecret: "planted-secret",
  scope: "api/.default",
};

/** A token endpoint that answers as the test says, and counts. */
class Endpoint {
  readonly clock = new ManualClock();
  readonly requests: HttpRequest[] = [];
  answer: (count: number) => HttpAnswer | UpstreamFailure = (count) =>
    json({ access_token: `t${count}`, token_type: "Bearer", expires_in: 3600 });

  token(credentials: Partial<typeof CREDENTIALS> = {}): AccessToken {
    const post = async (request: HttpRequest): Promise<HttpAnswer | UpstreamFailure> => {
      this.requests.push(request);
      return this.answer(this.requests.length);
    };
    return new AccessToken({ ...CREDENTIALS, ...credentials }, post, this.clock);
  }
}

function json(body: unknown, status = 200): HttpAnswer {
  return { status, headers: {}, body: Buffer.from(JSON.stringify(body)) };
}

test("a token is asked for with the client's credentials in a form", async () => {
  const endpoint = new Endpoint();
  assert.equal(await endpoint.token().get(), "t1");
  const [{ url, headers, body }] = endpoint.requests as [HttpRequest];
  assert.equal(url.href, CREDENTIALS.tokenUrl);
  assert.deepEqual(headers.slice(0, 2), ["Content-Type", "application/x-www-form-urlencoded"]);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(body.toString())), {
    grant_type: "client_credentials",
    client_id: "id&1",
    client_secret: "planted-secret",
    scope: "api/.default",
  });
});

test("a token is kept until a minute before it expires", async () => {
  const endpoint = new Endpoint();
  const token = endpoint.token();
  await token.get();
  endpoint.clock.advance(3_539_999);
  assert.equal(token.get(), "t1");
  endpoint.clock.advance(1);
  assert.equal(await token.get(), "t2");
});

test("a token with a short life is kept for half of it, one that does not tell its life for minutes", async () => {
  const endpoint = new Endpoint();
  endpoint.answer = (count) => json({ access_token: `t${count}`, expires_in: "10" });
  const short = endpoint.token();
  await short.get();
  endpoint.clock.advance(4_999);
  assert.equal(short.get(), "t1");
  endpoint.clock.advance(1);
  assert.equal(await short.get(), "t2");
  endpoint.answer = () => json({ access_token: "untold" });
  const untold = endpoint.token();
  await untold.get();
  endpoint.clock.advance(239_999);
  assert.equal(untold.get(), "untold");
});

test("however many need it, one fetch is under way", async () => {
  const endpoint = new Endpoint();
  const token = endpoint.token();
  assert.deepEqual(await Promise.all([token.get(), token.get(), token.get()]), ["t1", "t1", "t1"]);
  assert.equal(endpoint.requests.length, 1);
});

test("a token that was refused is fetched anew, once", async () => {
  const endpoint = new Endpoint();
  const token = endpoint.token();
  await token.get();
  token.forget("t1");
  assert.equal(await token.get(), "t2");
  token.forget("t1");
  assert.equal(token.get(), "t2");
});

for (const [what, answer, reason] of [
  ["no answer", unanswered("unreachable", "connect ECONNREFUSED"), /TokenUrl: connect ECONNREFUSED/],
  ["a refusal", json({ error: "invalid_client" }, 401), /TokenUrl: it answered 401/],
  ["no JSON", { status: 200, headers: {}, body: Buffer.from("<html>planted-secret") }, /is not JSON/],
  ["null", json(null), /has no access_token/],
  ["no token", json({ token: "planted-secret" }), /has no access_token/],
  ["a token that no header can carry", json({ access_token: "a\r\nb" }), /has no access_token/],
] as const)
  test(`${what} is a failure that says so without a secret, and nobody asks again for a second`, async () => {
    const endpoint = new Endpoint();
    endpoint.answer = () => answer;
    const token = endpoint.token();
    const failure = await token.get();
    assert.ok(typeof failure === "object");
    assert.equal(failure.outcome, "noToken");
    assert.match(failure.reason, reason);
    assert.ok(!JSON.stringify(failure).includes("planted-secret"));
    assert.equal(token.get(), failure);
    endpoint.clock.advance(1_000);
    await token.get();
    assert.equal(endpoint.requests.length, 2);
  });
