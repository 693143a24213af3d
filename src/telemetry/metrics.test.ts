import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics } from "./metrics.ts";

/** What has few values, whoever connects: `hub` by `metrics.maxHubs`, the others by the program and its configuration. */
const BOUNDED = new Set([
  "category",
  "event",
  "hub",
  "issuer",
  "mode",
  "operation",
  "outcome",
  "protocol",
  "status",
  "status_class",
  "template",
  "transport",
  "type",
  "version",
]);

test("metrics are named as Prometheus asks for, each once", () => {
  assert.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length);
  for (const { name, type, help } of metrics) {
    assert.match(name, /^hubwire_[a-z]+(_[a-z]+)*$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assert.match(name, /_seconds$/);
    assert.match(help, /^[A-Z][^|]*\.$/);
  }
});

test("labels take few values", () => {
  for (const { name, labels } of metrics)
    for (const label of labels) assert.ok(BOUNDED.has(label), `${label} of ${name}`);
});
