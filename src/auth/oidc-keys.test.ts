import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { issuerKey } from "../../test/support/oidc-issuer.ts";
import { ec, rsa, stranger, Trust } from "../../test/support/oidc-trust.ts";

const UNKNOWN_KEY = "The signature key was not found";
const UNREACHABLE = "The issuer of the token could not be asked for its keys.";

describe("the keys of an issuer", () => {
  test("are fetched once for all who wait, and not again for tokens that they fit", async () => {
    await using trust = await Trust.start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => trust.answer(trust.token())));
    assert.deepEqual([...new Set(answers)], ["accepted"]);
    trust.clock.advance(3_600_000);
    assert.equal(await trust.answer(trust.token({}, ec)), "accepted");
    assert.deepEqual(trust.issuer.requests, ["/.well-known/openid-configuration", "/keys"]);
    assert.deepEqual(trust.events, [{ name: "auth.issuer_keys_fetched", issuer: trust.issuer.url, keys: 2 }]);
  });

  test("are fetched once in 30 seconds for made-up kids and signatures, however many", async () => {
    await using trust = await Trust.start();
    const attack = async (): Promise<void> => {
      const madeUp = Array.from({ length: 100 }, (_, index) => trust.token({}, rsa, { kid: `${index}` }));
      for (const answer of await Promise.all(
        [...madeUp, trust.token({}, stranger)].map((t) => trust.answer(t)),
      ))
        assert.equal(answer, UNKNOWN_KEY);
    };
    await attack();
    await attack();
    trust.clock.advance(29_999);
    await attack();
    assert.equal(trust.issuer.fetches, 1);
    trust.clock.advance(1);
    await attack();
    assert.equal(trust.issuer.fetches, 2);
  });

  test("may change: a new one is taken at its first token, one taken away no longer once that is known", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token()), "accepted");
    trust.clock.advance(60_000);
    const next = issuerKey("RS256", "next");
    trust.issuer.keys.splice(0, 1, next);
    assert.equal(await trust.answer(trust.token()), "accepted");
    assert.equal(await trust.answer(trust.token({}, next)), "accepted");
    assert.equal(await trust.answer(trust.token()), UNKNOWN_KEY);
    assert.equal(trust.issuer.fetches, 2);
  });

  test("may change under the same name", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token()), "accepted");
    trust.clock.advance(60_000);
    trust.issuer.keys.splice(0, 1, stranger);
    assert.equal(await trust.answer(trust.token({}, stranger)), "accepted");
  });

  test("stay while the issuer is down, and who might be right is told to try again", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token()), "accepted");
    trust.issuer.instead = (_path, response) => response.destroy();
    trust.clock.advance(86_400_000);
    assert.equal(await trust.answer(trust.token()), "accepted");
    assert.equal(await trust.answer(trust.token({}, rsa, { kid: "next" })), UNREACHABLE);
    assert.equal(await trust.answer(trust.token()), "accepted");
    assert.equal(trust.issuer.requests.length, 3);
    trust.issuer.instead = undefined;
    trust.clock.advance(30_000);
    assert.equal(await trust.answer(trust.token({}, rsa, { kid: "next" })), UNKNOWN_KEY);
    assert.deepEqual(
      trust.events.map(({ name }) => name),
      ["auth.issuer_keys_fetched", "auth.issuer_failed", "auth.issuer_keys_fetched"],
    );
  });

  test("are waited for until the issuer is up", async () => {
    await using trust = await Trust.start();
    trust.issuer.instead = (_path, response) => void response.writeHead(503).end();
    assert.equal(await trust.answer(trust.token()), UNREACHABLE);
    trust.issuer.instead = undefined;
    assert.equal(await trust.answer(trust.token()), UNREACHABLE, "within 30 seconds");
    trust.clock.advance(30_000);
    assert.equal(await trust.answer(trust.token()), "accepted");
  });

  test("are fetched again after an hour, while tokens do not wait for it", async () => {
    await using trust = await Trust.start();
    await trust.answer(trust.token());
    trust.clock.advance(3_600_001);
    const asked = Promise.withResolvers<() => void>();
    trust.issuer.instead = (_path, response) => asked.resolve(() => response.destroy());
    assert.equal(await trust.answer(trust.token()), "accepted");
    const give = await asked.promise;
    assert.equal(await trust.answer(trust.token()), "accepted");
    const waiting = trust.answer(trust.token({}, rsa, { kid: "next" }));
    give();
    assert.equal(await waiting, UNREACHABLE);
  });
});
