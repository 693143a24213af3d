import assert from "node:assert/strict";

/** Values by series, as Prometheus writes it: `name` or `name{label="value",…}`. */
export type Series = ReadonlyMap<string, number>;

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = String.raw`\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*")*\}`;
const VALUE = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN|Nan`;
const HELP = new RegExp(String.raw`^# HELP (${NAME}) \S.*$`);
const TYPE = new RegExp(String.raw`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(${LABELS})? (${VALUE})$`);

/** Asks for metrics; what comes must be what Prometheus 2 and 3 read. */
export async function scrape(url: string | undefined): Promise<Series> {
  const response = await fetch(url ?? "");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; ?version=0\.0\.4; ?charset=utf-8$/);
  return seriesIn(await response.text());
}

/** Reads the text format strictly: each metric in one block with help and type first, no series twice. */
export function seriesIn(text: string): Series {
  assert.ok(text.endsWith("\n"));
  const series = new Map<string, number>();
  const told = new Set<string>();
  let [name, type] = ["", ""];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = HELP.exec(line)?.[1];
    if (help !== undefined) {
      assert.ok(!told.has(help), `${help} comes twice`);
      told.add(help);
      [name, type] = [help, ""];
      continue;
    }
    const [, typed, kind = ""] = TYPE.exec(line) ?? [];
    if (typed !== undefined) {
      assert.deepEqual([typed, type], [name, ""], line);
      type = kind;
      continue;
    }
    const [, sampled = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    const base = type === "histogram" ? sampled.replace(/_(bucket|sum|count)$/, "") : sampled;
    assert.equal(base, name, line);
    assert.ok(!series.has(sampled + labels), line);
    series.set(sampled + labels, Number(value.replace("Inf", "Infinity")));
  }
  return series;
}

/** What has changed from one scrape to the next of the series whose names begin so. */
export function changes(before: Series, after: Series, prefix = "hubwire_"): Record<string, number> {
  const changed: Record<string, number> = {};
  for (const [key, value] of after) {
    const by = value - (before.get(key) ?? 0);
    if (key.startsWith(prefix) && by !== 0) changed[key] = by;
  }
  return changed;
}
