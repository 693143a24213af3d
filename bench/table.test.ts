import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row, ServerName } from "./scenarios.ts";
import { formatTable, reportRows, type Samples } from "./table.ts";

const cpu: Row = {
  name: "broadcast",
  unit: "µs",
  better: "lower",
  mustReach: { of: "server", server: "aspnet", times: 0.5 },
  aimsAt: { of: "server", server: "epoll-bound", times: 1.5 },
};
const mixed: Row = { ...cpu, name: "mixed", mustReach: { of: "row", row: "broadcast", times: 1.15 } };
const rate: Row = { ...cpu, name: "rate", better: "higher", mustReach: { of: "number", value: 100 } };

function samples(
  rows: Record<string, Partial<Record<ServerName, readonly number[]>>>,
): ReadonlyMap<string, Samples> {
  const entries = Object.entries(rows).map(([row, figures]): [string, Samples] => [
    row,
    new Map(Object.entries(figures) as [ServerName, readonly number[]][]),
  ]);
  return new Map(entries);
}

test("a row is judged by medians: a limit that is just reached is met", () => {
  const rows = { broadcast: { hubwire: [9, 1, 5], aspnet: [10, 8, 12], "epoll-bound": [3, 3, 3] } };
  const [report] = reportRows([cpu], samples(rows));
  assert.deepEqual(report?.medians, { hubwire: 5, aspnet: 10, "epoll-bound": 3 });
  assert.deepEqual(report?.mustReach, { limit: "≤ 0.5 A", value: 5, met: true });
  assert.deepEqual(report?.aimsAt, { limit: "≤ 1.5 C", value: 4.5, met: false });
});

test("the median of an even number of rounds is the mean of the middle two", () => {
  const [report] = reportRows([rate], samples({ rate: { hubwire: [90, 80, 110, 200] } }));
  assert.deepEqual(report?.mustReach, { limit: "≥ 100", value: 100, met: true });
});

test("a row can be held to another row of Hubwire", () => {
  const rows = { broadcast: { hubwire: [10] }, mixed: { hubwire: [11.6] } };
  const [, report] = reportRows([cpu, mixed], samples(rows));
  assert.equal(report?.mustReach?.met, false);
});

test("what was not measured is neither met nor missed", () => {
  const reports = reportRows([cpu], samples({ broadcast: { aspnet: [10] } }));
  assert.equal(reports[0]?.mustReach?.met, undefined);
  assert.match(formatTable(reports), /– \| 10\.0 \| .*≤ 0\.5 A: not measured/);
});

test("a row without a limit has its figures, and those of a direct caller", () => {
  const calls: Row = { name: "calls", unit: "calls/s", better: "higher" };
  const table = formatTable(reportRows([calls], samples({ calls: { hubwire: [5, 6], undici: [11] } })));
  assert.match(table, /\| +5\.50 \| +– \| +– \| +11\.0 \| +– \| +– \| +– \| +0\.50 \| +– \| – +\| – +\|$/);
});

test("a missed limit stands out in the table", () => {
  const table = formatTable(reportRows([rate], samples({ rate: { hubwire: [99] } })));
  assert.match(table, /≥ 100: MISSED/);
});
