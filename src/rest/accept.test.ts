import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { prefersBytes } from "./accept.ts";

describe("a caller gets bytes", () => {
  for (const accept of [
    "application/octet-stream",
    "Application/Octet-Stream",
    "application/octet-stream;q=0.1",
    "application/octet-stream, */*",
    "text/plain, application/octet-stream",
    "application/octet-stream, application/json",
    "application/json;q=0.9, application/octet-stream",
    "application/json; q=0, application/octet-stream; q=0.001",
    ", application/octet-stream ;q=x",
  ])
    test(`with Accept: ${accept}`, () => assert.equal(prefersBytes(accept), true));
});

describe("a caller gets JSON", () => {
  for (const accept of [
    undefined,
    "",
    "*/*",
    "application/*",
    "application/json",
    "application/json, application/octet-stream",
    "application/octet-stream;q=0.5, application/json",
    "application/octet-stream;q=0",
    "application/octet-streams",
    ";;;q=,",
  ])
    test(`with Accept: ${accept}`, () => assert.equal(prefersBytes(accept), false));
});
