import assert from "node:assert/strict";
import { test } from "node:test";
import { claimValue, inboundClaims } from "./inbound-claims.ts";

const ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const ID = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";

test("a claim that .NET knows by a long name has both names, each value of it", () => {
  assert.deepEqual(
    inboundClaims([
      ["nameid", "ann"],
      ["role", "a"],
      ["role", "b"],
    ]),
    [
      [ID, "ann"],
      ["nameid", "ann"],
      [ROLE, "a"],
      ["role", "a"],
      [ROLE, "b"],
      ["role", "b"],
    ],
  );
});

test("other claims keep their one name: those of the system, of users, long ones, and what only looks like a known name", () => {
  const claims = [
    ["asrs.s.uid", "ann"],
    ["asrs.u.iss", "me"],
    [ROLE, "a"],
    ["Role", "b"],
    ["constructor", "c"],
    ["", ""],
  ] as const;
  assert.deepEqual(inboundClaims(claims), claims);
});

test("the first value of a claim counts", () => {
  const claims = [
    ["a", "1"],
    ["a", "2"],
  ] as const;
  assert.equal(claimValue(claims, "a"), "1");
  assert.equal(claimValue(claims, "b"), undefined);
});
