import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { hmacToken } from "../../test/support/oidc-issuer.ts";
import { type IssuedKey, IssuedKeys } from "./issued-keys.ts";
import { TokenVerifier } from "./token-verifier.ts";

const KEY = "first-access-key-0123456789";
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 5, 7, 0, 0);

function nodeAt(clock: ManualClock, ...accessKeys: string[]): { keys: IssuedKeys; verifier: TokenVerifier } {
  const keys = new IssuedKeys(accessKeys, clock);
  return { keys, verifier: new TokenVerifier(accessKeys, clock, keys) };
}

/** A token that outlives every key. */
const signed = ({ accessKey, keyId }: IssuedKey): string =>
  hmacToken(accessKey, { aud: "a", exp: START_MS }, { kid: keyId });

const accepts = (verifier: TokenVerifier, token: string): boolean => verifier.verify(token, () => true).ok;

describe("an issued key", () => {
  test("is the same on every node and after a restart, another in the next hour, and tells nothing of the access key", () => {
    const clock = new ManualClock(START_MS);
    const { keys } = nodeAt(clock, KEY, "second-access-key-0123");
    const key = keys.current;
    assert.deepEqual(nodeAt(clock, KEY).keys.current, key);
    clock.advance(60 * MINUTE_MS - 1);
    assert.deepEqual(keys.current, key);
    clock.advance(1);
    assert.notEqual(keys.current.accessKey, key.accessKey);
    assert.notEqual(keys.current.keyId, key.keyId);
    assert.notEqual(nodeAt(new ManualClock(START_MS), "other-access-key").keys.current.keyId, key.keyId);
    assert.match(key.accessKey, /^[A-Za-z0-9+/]{43}=$/);
    assert.match(key.keyId, /^\d+\.[\w-]{16}$/);
  });

  test("is valid for 3 hours from when it is given out, and for 4 at most", () => {
    for (const givenOutAfter of [0, 59 * MINUTE_MS]) {
      const clock = new ManualClock(START_MS);
      const { keys, verifier } = nodeAt(clock, KEY);
      clock.advance(givenOutAfter);
      const token = signed(keys.current);
      for (let minute = 0; minute < 180; minute++, clock.advance(MINUTE_MS))
        assert.equal(accepts(verifier, token), true, `${minute} minutes later`);
      clock.advance(60 * MINUTE_MS);
      assert.equal(accepts(verifier, token), false);
    }
  });

  test("is known to a node whose clock is behind", () => {
    const ahead = nodeAt(new ManualClock(START_MS), KEY).keys.current;
    const { verifier } = nodeAt(new ManualClock(START_MS - 5 * MINUTE_MS), KEY);
    assert.equal(accepts(verifier, signed(ahead)), true);
    const tooFar = nodeAt(new ManualClock(START_MS + 60 * MINUTE_MS), KEY).keys.current;
    assert.equal(accepts(nodeAt(new ManualClock(START_MS - 1), KEY).verifier, signed(tooFar)), false);
  });

  test("of a later access key is taken too, and none of one that is gone", () => {
    const clock = new ManualClock(START_MS);
    const token = signed(nodeAt(clock, KEY).keys.current);
    assert.equal(accepts(nodeAt(clock, "the-new-first-key", KEY).verifier, token), true);
    assert.equal(accepts(nodeAt(clock, "the-new-first-key").verifier, token), false);
  });

  test("still speaks for a connection that was made while it was valid", () => {
    const clock = new ManualClock(START_MS);
    const { keys, verifier } = nodeAt(clock, KEY);
    const token = signed(keys.current);
    clock.advance(24 * 60 * MINUTE_MS);
    assert.equal(verifier.verifyRegardlessOfTime(token, () => true).ok, true);
    const future = signed(nodeAt(new ManualClock(START_MS * 2), KEY).keys.current);
    assert.equal(verifier.verifyRegardlessOfTime(future, () => true).ok, false);
  });

  test("counts under its own id alone, and no other key under that", () => {
    const clock = new ManualClock(START_MS);
    const { keys, verifier } = nodeAt(clock, KEY);
    const { accessKey, keyId } = keys.current;
    const [window, mark] = keyId.split(".");
    for (const kid of [
      undefined,
      "1543977",
      "",
      `0${keyId}`,
      `${window}.`,
      `${window}.${mark}x`,
      `${window}`,
    ])
      assert.equal(accepts(verifier, signed({ accessKey, keyId: kid as string })), false, kid);
    assert.equal(accepts(verifier, signed({ accessKey: KEY, keyId })), false);
    assert.equal(accepts(verifier, signed({ accessKey: KEY, keyId: "1543977" })), true);
    assert.equal(accepts(verifier, signed({ accessKey: KEY, keyId: `${window}.${mark}x` })), true);
  });

  test("signs nothing where issued keys are not taken, as for REST", () => {
    const clock = new ManualClock(START_MS);
    const token = signed(nodeAt(clock, KEY).keys.current);
    assert.equal(accepts(new TokenVerifier([KEY], clock), token), false);
  });
});
