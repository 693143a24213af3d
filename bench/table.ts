import type { Row, ServerName, Target } from "./scenarios.ts";

/** The figures of one row, one per round; a server is absent when it was not measured. */
export type Samples = ReadonlyMap<ServerName, readonly number[]>;

/** A row's figures and what they say of Hubwire. */
export interface RowReport {
  readonly name: string;
  readonly unit: string;
  readonly samples: Readonly<Partial<Record<ServerName, readonly number[]>>>;
  readonly medians: Readonly<Partial<Record<ServerName, number>>>;
  readonly mustReach: Verdict | undefined;
  readonly aimsAt: Verdict | undefined;
}

/** A limit in words, its value in the row's unit, and whether Hubwire keeps it; `undefined` where a figure is missing. */
export interface Verdict {
  readonly limit: string;
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

/** Judges every row by the medians of its rounds. */
export function reportRows(rows: readonly Row[], samples: ReadonlyMap<string, Samples>): RowReport[] {
  const medianOf = (row: string, server: ServerName): number | undefined =>
    median(samples.get(row)?.get(server));
  return rows.map((row) => {
    const verdict = (target: Target): Verdict => {
      const value = limitOf(target, row.name, medianOf);
      const figure = medianOf(row.name, "hubwire");
      const known = value !== undefined && figure !== undefined;
      const met = known ? (row.better === "lower" ? figure <= value : figure >= value) : undefined;
      return { limit: `${row.better === "lower" ? "≤" : "≥"} ${words(target)}`, value, met };
    };
    const measured = [...(samples.get(row.name) ?? [])];
    return {
      name: row.name,
      unit: row.unit,
      samples: Object.fromEntries(measured),
      medians: Object.fromEntries(measured.map(([server, figures]) => [server, median(figures)])),
      mustReach: row.mustReach && verdict(row.mustReach),
      aimsAt: row.aimsAt && verdict(row.aimsAt),
    };
  });
}

/** A Markdown table: medians, ratios to ASP.NET (A), the bound (C), the direct caller (U) and `ws` (W), and the verdicts. */
export function formatTable(reports: readonly RowReport[]): string {
  const lines = [
    [
      "scenario",
      "unit",
      "Hubwire",
      "A",
      "C",
      "U",
      "W",
      "to A",
      "to C",
      "to U",
      "to W",
      "must reach",
      "aims at",
    ],
    ["---", "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "---", "---"],
    ...reports.map(({ name, unit, medians, mustReach, aimsAt }) => {
      const { hubwire, aspnet, undici } = medians;
      const others = [aspnet, medians["epoll-bound"], undici, medians.ws];
      const ratios = others.map((other) => ratio(hubwire, other));
      return [
        name,
        unit,
        figure(hubwire),
        ...others.map(figure),
        ...ratios,
        outcome(mustReach),
        outcome(aimsAt),
      ];
    }),
  ];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return column >= 2 && column <= 10 ? cell.padStart(width) : cell.padEnd(width);
  };
  return lines.map((line) => `| ${line.map(pad).join(" | ")} |`).join("\n");
}

function limitOf(
  target: Target,
  row: string,
  medianOf: (row: string, server: ServerName) => number | undefined,
): number | undefined {
  if (target.of === "number") return target.value;
  const figure = target.of === "server" ? medianOf(row, target.server) : medianOf(target.row, "hubwire");
  return figure === undefined ? undefined : figure * target.times;
}

const letters: Readonly<Record<ServerName, string>> = {
  hubwire: "Hubwire",
  aspnet: "A",
  "epoll-bound": "C",
  undici: "U",
  ws: "W",
};

function words(target: Target): string {
  switch (target.of) {
    case "number":
      return String(target.value);
    case "server":
      return `${target.times} ${letters[target.server]}`;
    case "row":
      return `${target.times} × JSON`;
  }
}

function median(figures: readonly number[] | undefined): number | undefined {
  if (figures === undefined || figures.length === 0) return undefined;
  const sorted = [...figures].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

function figure(value: number | undefined): string {
  if (value === undefined) return "–";
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function ratio(value: number | undefined, other: number | undefined): string {
  return value === undefined || other === undefined ? "–" : (value / other).toFixed(2);
}

function outcome(verdict: Verdict | undefined): string {
  if (verdict === undefined) return "–";
  const met = verdict.met === undefined ? "not measured" : verdict.met ? "met" : "MISSED";
  return `${verdict.limit}: ${met}`;
}
