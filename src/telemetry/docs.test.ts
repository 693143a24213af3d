import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { tables } from "./docs.ts";

const file = new URL("../../docs/metrics.md", import.meta.url);

test("the tables in docs/metrics.md are those of the catalogues", () => {
  const written = readFileSync(file, "utf8");
  const current = Object.entries(tables).reduce((text, [name, table]) => {
    const place = new RegExp(`(<!-- ${name}:.*-->\n)[\\s\\S]*(<!-- /${name} -->)`);
    assert.match(text, place);
    return text.replace(place, (_, start: string, end: string) => `${start}${table()}\n${end}`);
  }, written);
  if (process.env["UPDATE"]) writeFileSync(file, current);
  else assert.equal(written, current, "run UPDATE=1 node --test src/telemetry/docs.test.ts");
});
