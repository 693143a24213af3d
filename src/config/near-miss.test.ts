import assert from "node:assert/strict";
import { test } from "node:test";
import { nearMiss } from "./near-miss.ts";

const known = [
  "port",
  "accessKeys",
  "limits",
  "limits.maxMessageBytes",
  "timeouts.keepAliveSeconds",
  "logLevel",
];

for (const [given, meant] of [
  ["prot", "port"],
  ["part", "port"],
  ["pasta", undefined],
  ["porrt", "port"],
  ["access_keys", "accessKeys"],
  ["accesskey", "accessKeys"],
  ["limits.maxMesageByte", "limits.maxMessageBytes"],
  ["maxMessageBytes", "limits.maxMessageBytes"],
  ["keepAlive", "timeouts.keepAliveSeconds"],
  ["limit", "limits"],
  ["log-level", "logLevel"],
  ["colour", undefined],
  ["", undefined],
] as const)
  test(`"${given}" is taken for ${meant ?? "nothing that is known"}`, () => {
    assert.equal(nearMiss(given, known), meant);
  });

test("a very long name costs no more than a short one", () => {
  assert.equal(nearMiss("x".repeat(1_000_000), known), undefined);
});
