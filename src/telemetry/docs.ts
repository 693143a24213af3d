import { eventCounting } from "./events.ts";
import { metrics } from "./metrics.ts";

/** The tables of docs/metrics.md, made from the catalogues; a test keeps the file equal to them. */
export const tables: Readonly<Record<string, () => string>> = {
  metrics: metricsTable,
  uncounted: uncountedTable,
};

function metricsTable(): string {
  const rows = metrics.map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(", "),
    help,
    eventsOf(name).map(code).join(", "),
  ]);
  return table(["Metric", "Type", "Labels", "Meaning", "Events"], rows);
}

function uncountedTable(): string {
  const rows = Object.entries(eventCounting).flatMap(([event, counting]) =>
    "uncounted" in counting ? [[code(event), counting.uncounted]] : [],
  );
  return table(["Event", "Why it is not counted"], rows);
}

/** The events that a counter or a duration is made of. */
function eventsOf(metric: string): string[] {
  return Object.entries(eventCounting).flatMap(([event, counting]) =>
    "counter" in counting && (counting.counter === metric || counting.duration === metric) ? [event] : [],
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
