import type { InvocationLoad, InvocationResult } from "./invocations.ts";
import type { RelayLoad } from "./relays.ts";
import type { LoadResult, LoadWindow } from "./sigload.ts";

/**
 * Who is measured: Hubwire, self-hosted ASP.NET Core SignalR (A), the bare epoll server in C++ (C), a caller of the
 * webhook with undici (U), and the package `ws` (W).
 */
export type ServerName = "hubwire" | "aspnet" | "epoll-bound" | "undici" | "ws";

/** Groups that the clients of a group scenario are spread over, one after the other. */
export const groupCount = 100;

/** Users that a user scenario sends to, one after the other; user i is client i. */
export const userCount = 1_000;

/** Whom a POST reaches: every client, the 10 of one of 100 groups, one of 1,000 users; `nobody` = nothing is sent. */
export type Reach = "all" | "group" | "user" | "nobody";

/** What sigload does. */
export interface Load {
  readonly clients: number;
  readonly reach: Reach;
  /** POSTs (or bursts of them) that may be under way at once. */
  readonly underWay: number;
  readonly burst: number;
  readonly payloadBytes: number;
  /** Share of the clients that speak MessagePack, 0 to 1. */
  readonly messagePackShare: number;
  /** Afterwards, as long again at half of the rate just reached, for latency. */
  readonly thenHalfRate: boolean;
}

/** A limit for Hubwire's figure: a number by itself, or times that of another server or row of the same run. */
export type Target =
  | { readonly of: "number"; readonly value: number }
  | { readonly of: "server"; readonly server: ServerName; readonly times: number }
  | { readonly of: "row"; readonly row: string; readonly times: number };

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly mustReach?: Target;
  readonly aimsAt?: Target;
}

/** A row whose figure is taken from a run of one server. */
export interface LoadRow extends Row {
  readonly figure: (result: LoadResult) => number;
}

/** A row whose figures are taken from a run of Hubwire and of the direct caller. */
export interface InvocationRow extends Row {
  readonly figures: (result: InvocationResult) => Readonly<Partial<Record<ServerName, number>>>;
}

/** One run of sigload per server and round, and the rows it feeds. */
export interface LoadScenario {
  readonly servers: readonly ServerName[];
  readonly load: Load;
  readonly rows: readonly LoadRow[];
}

/** One run of Hubwire and the direct caller per round, and the rows it feeds. */
export interface InvocationScenario {
  readonly invocations: InvocationLoad;
  readonly rows: readonly InvocationRow[];
}

/** One run of each server per round, of which Hubwire's has an app server, and the rows it feeds. */
export interface RelayScenario {
  readonly servers: readonly ServerName[];
  readonly relay: RelayLoad;
  readonly rows: readonly LoadRow[];
}

export type Scenario = LoadScenario | InvocationScenario | RelayScenario;

const everyServer: readonly ServerName[] = ["hubwire", "aspnet", "epoll-bound"];

const json: Load = {
  clients: 1_000,
  reach: "all",
  underWay: 1,
  burst: 1,
  payloadBytes: 100,
  messagePackShare: 0,
  thenHalfRate: false,
};

const oneUnderWay = "broadcast, 1,000 clients, one under way";
const oneUnderWay10k = "broadcast, 10,000 clients, one under way";
const sixteenUnderWay = "broadcast, 1,000 clients, 16 under way";
const burstsOfTen = "broadcast, 1,000 clients, bursts of 10";

/** What is measured, with the limits that Hubwire has set itself. */
const scenarios: readonly Scenario[] = [
  {
    servers: everyServer,
    load: { ...json, thenHalfRate: true },
    rows: [
      cpuRow(oneUnderWay, timesAspnet(0.65), timesBound(1.35)),
      {
        name: "p99 latency at half of the top rate, 1,000 clients",
        unit: "ms",
        better: "lower",
        figure: (result) => (pacedWindow(result)?.p99_us ?? Number.NaN) / 1000,
        mustReach: timesAspnet(1),
        aimsAt: timesAspnet(0.5),
      },
    ],
  },
  {
    servers: everyServer,
    load: { ...json, clients: 10_000 },
    rows: [cpuRow(oneUnderWay10k, timesAspnet(0.45), timesBound(1.5))],
  },
  {
    servers: everyServer,
    load: { ...json, underWay: 16 },
    rows: [cpuRow(sixteenUnderWay, timesAspnet(0.35), timesBound(1.2))],
  },
  {
    servers: everyServer,
    load: { ...json, burst: 10 },
    rows: [cpuRow(burstsOfTen, timesAspnet(0.4), timesBound(1.4))],
  },
  halfMessagePack(oneUnderWay, {}),
  halfMessagePack(oneUnderWay10k, { clients: 10_000 }),
  halfMessagePack(sixteenUnderWay, { underWay: 16 }),
  halfMessagePack(burstsOfTen, { burst: 10 }),
  {
    servers: everyServer,
    load: { ...json, payloadBytes: 2_048 },
    rows: [cpuRow("broadcast, 1,000 clients, one under way, 2,048 bytes", timesAspnet(0.75))],
  },
  {
    servers: ["hubwire", "aspnet"],
    load: { ...json, reach: "group", underWay: 16 },
    rows: [requestRow("group of 10 among 1,000 clients", timesAspnet(1.1), timesAspnet(1.6))],
  },
  {
    servers: ["hubwire", "aspnet"],
    load: { ...json, reach: "user", underWay: 16 },
    rows: [requestRow("send to one user, a new token per request", timesAspnet(0.6), timesAspnet(0.9))],
  },
  {
    servers: everyServer,
    load: { ...json, clients: 10_000, reach: "nobody" },
    rows: [
      {
        name: "connections per second, token checked",
        unit: "connections/s",
        better: "higher",
        figure: (result) => result.connects_per_s,
        mustReach: timesAspnet(1.4),
        aimsAt: timesAspnet(2),
      },
      {
        name: "resident memory per idle client, 10,000 clients",
        unit: "KiB",
        better: "lower",
        figure: (result) => result.rss_kib_per_conn,
        mustReach: { of: "number", value: 9 },
        aimsAt: { of: "number", value: 6 },
      },
    ],
  },
  {
    invocations: { clients: 50, payloadBytes: 100 },
    rows: [
      {
        name: "invocations through an upstream, 50 clients",
        unit: "invocations/s",
        better: "higher",
        figures: ({ through, direct }) => ({
          hubwire: topWindow(through)?.completions_per_s ?? Number.NaN,
          undici: direct.calls_per_s,
        }),
      },
      {
        name: "median latency through an upstream at half of the top rate",
        unit: "ms",
        better: "lower",
        figures: (result) => ({ hubwire: medianMs(result.through), undici: result.direct.p50_us / 1_000 }),
      },
      {
        name: "what Hubwire adds to the median latency of an upstream",
        unit: "ms",
        better: "lower",
        figures: ({ through, direct }) => ({ hubwire: medianMs(through) - direct.p50_us / 1_000 }),
        mustReach: { of: "number", value: 1 },
      },
    ],
  },
  echoes(1),
  echoes(8),
  {
    servers: ["hubwire", "aspnet"],
    relay: { mode: "bcast-hub", clients: 1_000, underWay: 1 },
    rows: [cpuRow("broadcast by a hub method of an app server, 1,000 clients", timesAspnet(0.65))],
  },
];

/** Each echo is two messages through Hubwire, there and back; `ws` receives and sends one. */
function echoes(underWay: number): RelayScenario {
  const name = `echo through an app server, 100 clients, ${underWay} under way each`;
  return {
    servers: ["hubwire", "aspnet", "ws"],
    relay: { mode: "echo", clients: 100, underWay },
    rows: [
      {
        name,
        unit: "µs CPU/echo",
        better: "lower",
        figure: (result) => topWindow(result)?.server_us_per_msg ?? Number.NaN,
        mustReach: { of: "server", server: "ws", times: 2 },
        aimsAt: { of: "server", server: "ws", times: 1 },
      },
    ],
  };
}

function topWindow({ runs }: LoadResult): LoadWindow | undefined {
  return runs.find(({ paced }) => !paced);
}

function pacedWindow({ runs }: LoadResult): LoadWindow | undefined {
  return runs.find(({ paced }) => paced);
}

function medianMs(result: LoadResult): number {
  return (pacedWindow(result)?.p50_us ?? Number.NaN) / 1_000;
}

function cpuRow(name: string, mustReach: Target, aimsAt?: Target): LoadRow {
  const figure = (result: LoadResult): number => topWindow(result)?.server_us_per_msg ?? Number.NaN;
  const row: LoadRow = { name, unit: "µs CPU/message", better: "lower", figure, mustReach };
  return aimsAt === undefined ? row : { ...row, aimsAt };
}

function requestRow(name: string, mustReach: Target, aimsAt: Target): LoadRow {
  const figure = (result: LoadResult): number => result.runs[0]?.broadcasts_per_s ?? Number.NaN;
  return { name, unit: "requests/s", better: "higher", figure, mustReach, aimsAt };
}

function halfMessagePack(row: string, load: Partial<Load>): LoadScenario {
  return {
    servers: ["hubwire"],
    load: { ...json, ...load, messagePackShare: 0.5 },
    rows: [cpuRow(`${row}, half MessagePack`, { of: "row", row, times: 1.15 })],
  };
}

function timesAspnet(times: number): Target {
  return { of: "server", server: "aspnet", times };
}

function timesBound(times: number): Target {
  return { of: "server", server: "epoll-bound", times };
}

/** The rows whose name contains `text`, in any case, with those they are compared to, and the scenarios that feed them. */
export function selectScenarios(text: string): { scenarios: readonly Scenario[]; rows: readonly Row[] } {
  const all = scenarios.flatMap((scenario): readonly Row[] => scenario.rows);
  const asked = all.filter((row) => row.name.toLowerCase().includes(text.toLowerCase()));
  const names = new Set(
    asked.flatMap(({ name, mustReach }) => (mustReach?.of === "row" ? [name, mustReach.row] : [name])),
  );
  return {
    scenarios: scenarios.filter((scenario) => scenario.rows.some((row) => names.has(row.name))),
    rows: all.filter((row) => names.has(row.name)),
  };
}
