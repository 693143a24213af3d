import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { HubwireEvent } from "../core/events.ts";
import { type Counting, eventCounting } from "./events.ts";
import {
  type CounterName,
  type DurationName,
  eventCounters,
  eventDurations,
  type NodeReadings,
  type ReadMetric,
  readMetrics,
} from "./metrics.ts";

/** Where hubs count together; no hub can be called so. */
const OTHER_HUBS = "(other)";

/** Those of prom-client that look at every socket, one by one: with 18,000 clients that takes 60 ms, of everybody's time. */
const SLOW_METRICS = [
  "process_open_fds",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
];

/** Of the process, however many nodes are in it. */
const processMetrics = processRegistry();

export interface NodeMetricsOptions {
  readonly readings: () => NodeReadings;
  /** Hubs that are told apart. */
  readonly maxHubs: number;
}

/** The metrics of one node: events are counted as they come, everything else is read when somebody asks. */
export class NodeMetrics {
  /** What `scrape` returns. */
  readonly contentType: string = processMetrics.contentType;
  readonly #readings: () => NodeReadings;
  readonly #maxHubs: number;
  readonly #hubs = new Set<string>();
  readonly #registry = new Registry();
  readonly #counters: ReadonlyMap<CounterName, Counter>;
  readonly #durations: ReadonlyMap<DurationName, Histogram>;
  readonly #updates: readonly ((node: NodeReadings) => void)[];

  constructor({ readings, maxHubs }: NodeMetricsOptions) {
    this.#readings = readings;
    this.#maxHubs = maxHubs;
    const registers = [this.#registry];
    this.#updates = readMetrics.map((metric) => updateOf(metric, registers));
    this.#counters = mapOf(
      eventCounters,
      (name, { help, labels }) => new Counter({ name, help, labelNames: [...labels], registers }),
    );
    this.#durations = mapOf(
      eventDurations,
      (name, { help, labels, buckets }) =>
        new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
    );
  }

  /** Counts an event. */
  count(event: HubwireEvent): void {
    const counting = eventCounting[event.name];
    if ("uncounted" in counting) return;
    const { counter, duration } = counting;
    const count = "count" in event ? event.count : 1;
    this.#counters.get(counter)?.inc(this.#labels(eventCounters[counter].labels, event, counting), count);
    if (duration !== undefined && "durationMs" in event)
      this.#durations
        .get(duration)
        ?.observe(this.#labels(eventDurations[duration].labels, event, counting), event.durationMs / 1_000);
  }

  /** Everything, in the text format of Prometheus. */
  async scrape(): Promise<string> {
    const node = this.#readings();
    for (const update of this.#updates) update(node);
    return `${await this.#registry.metrics()}\n${await processMetrics.metrics()}`;
  }

  #labels(
    names: readonly string[],
    event: HubwireEvent,
    { as = {} }: Extract<Counting, { counter: CounterName }>,
  ): Record<string, string> {
    const fields: Readonly<Record<string, unknown>> = { ...event, ...as };
    const labels: Record<string, string> = {};
    for (const name of names) {
      const value = String(fields[name]);
      labels[name] = name === "hub" ? this.#toldHub(value) : value;
    }
    return labels;
  }

  #toldHub(hub: string): string {
    if (this.#hubs.has(hub)) return hub;
    if (this.#hubs.size >= this.#maxHubs) return OTHER_HUBS;
    this.#hubs.add(hub);
    return hub;
  }
}

function processRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of SLOW_METRICS) registry.removeSingleMetric(name);
  return registry;
}

function updateOf(
  { name, type, help, labels, read }: ReadMetric,
  registers: Registry[],
): (node: NodeReadings) => void {
  const Kind = type === "counter" ? Counter : Gauge;
  const metric = new Kind({ name, help, labelNames: [...labels], registers });
  return (node) => {
    metric.reset();
    for (const [values, value] of read(node)) metric.inc(values, value);
  };
}

function mapOf<Name extends string, Row, Made>(
  rows: Readonly<Record<Name, Row>>,
  make: (name: Name, row: Row) => Made,
): ReadonlyMap<Name, Made> {
  return new Map((Object.entries(rows) as [Name, Row][]).map(([name, row]) => [name, make(name, row)]));
}
