import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOrigin } from "../../test/support/client-origin.ts";
import { RecentHeaders } from "./recent-headers.ts";
import { connectionHeaders } from "./request-headers.ts";

const KEYS = ["test-key-0123456789"];

test("the headers of a connection that was heard of lately are not made again", () => {
  const recent = new RecentHeaders(KEYS, 100_000);
  const origin = clientOrigin("c", { userId: "ann", claims: [["role", "admin"]] });
  const headers = recent.of(origin);
  assert.deepEqual(headers, connectionHeaders(origin, KEYS));
  assert.equal(recent.of(origin), headers);
});

test("two connections of one user have their own", () => {
  const recent = new RecentHeaders(KEYS, 100_000);
  const { identity } = clientOrigin("a", { userId: "ann" });
  const [first, second] = ["a", "b"].map((id) => recent.of({ ...clientOrigin(id), identity }));
  assert.notEqual(first?.join(), second?.join());
});

test("who was authenticated anew is told of with the new claims", () => {
  const recent = new RecentHeaders(KEYS, 100_000);
  const origin = clientOrigin("c", { claims: [["role", "admin"]] });
  recent.of(origin);
  origin.identity = { ...origin.identity, claims: [["role", "guest"]] };
  assert.ok(recent.of(origin).includes("role: guest"));
});

test("what is remembered has a bound, and who is heard of again and again stays in it", () => {
  const recent = new RecentHeaders(KEYS, 100_000);
  const faithful = clientOrigin("faithful");
  const headers = recent.of(faithful);
  const made = Array.from({ length: 1_000 }, (_, index) => {
    assert.equal(recent.of(faithful), headers);
    const origin = clientOrigin(`once-${index}`);
    return { origin, headers: recent.of(origin) };
  });
  const remembered = made.reverse().findIndex((once) => recent.of(once.origin) !== once.headers);
  assert.ok(remembered >= 1 && remembered <= 100_000 / 512, `${remembered}`);
});
