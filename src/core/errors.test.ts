import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apiErrors } from "./errors.ts";

test("docs/errors.md lists every error of the REST API, and no other", () => {
  const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([A-Za-z.]+)` \| (\d+) \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, code, status, meaning]) => [code, Number(status), meaning]),
    Object.entries(apiErrors).map(([code, { status, meaning }]) => [code, status, meaning]),
  );
});
