import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { settingsTable } from "./docs.ts";

const file = new URL("../../docs/configuration.md", import.meta.url);

test("the table in docs/configuration.md is the schema's", () => {
  const written = readFileSync(file, "utf8");
  const current = written.replace(
    /(<!-- settings:.*-->\n)[\s\S]*(<!-- \/settings -->)/,
    (_, start: string, end: string) => `${start}${settingsTable()}\n${end}`,
  );
  if (process.env["UPDATE"]) writeFileSync(file, current);
  else assert.equal(written, current, "run UPDATE=1 node --test src/config/docs.test.ts");
  assert.ok(current.includes("HUBWIRE_LIMITS_MAX_MESSAGE_BYTES"));
});
