import type { BenchServer, Flags } from "./bench-server.ts";
import { doubtsOf, maxOther } from "./doubts.ts";
import { measureInvocations } from "./invocations.ts";
import { measureRelay } from "./relays.ts";
import type {
  InvocationScenario,
  Load,
  LoadScenario,
  RelayScenario,
  Row,
  Scenario,
  ServerName,
} from "./scenarios.ts";
import { groupCount, userCount } from "./scenarios.ts";
import { generatorCore, serverCore, startServer } from "./server-process.ts";
import { type LoadResult, runSigload } from "./sigload.ts";

/** What is measured and for how long. */
export interface Plan {
  readonly scenarios: readonly Scenario[];
  /** A server that cannot run has the reason in its place. */
  readonly servers: ReadonlyMap<ServerName, BenchServer | string>;
  readonly sigload: string;
  readonly rounds: number;
  readonly durationS: number;
  /** A smoke run: no waiting for quiet, 1,000 clients in place of 10,000. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
}

/** The figures by row and server, one per round, and what a reader must know of them. */
export interface Measured {
  readonly samples: ReadonlyMap<string, ReadonlyMap<ServerName, readonly number[]>>;
  readonly notes: readonly string[];
}

/** One measurement of a round. */
interface Run {
  readonly title: string;
  readonly measure: () => Promise<Figures>;
}

/** What a run came to, and what makes it doubtful. */
interface Figures {
  readonly figures: readonly { readonly row: Row; readonly server: ServerName; readonly figure: number }[];
  readonly doubts: readonly string[];
}

/** Runs every scenario against every server, interleaved: one after the other in each round. */
export async function measure(plan: Plan): Promise<Measured> {
  const samples = new Map<string, Map<ServerName, number[]>>();
  const notes = new Map<string, Set<string>>();
  const note = (text: string, about: string): void => {
    notes.set(text, (notes.get(text) ?? new Set()).add(about));
  };
  if (plan.quick)
    note("a smoke run: its figures mean nothing", "short windows, 1,000 clients in place of 10,000");
  const used = new Set(plan.scenarios.flatMap(serversOf));
  for (const [name, server] of plan.servers)
    if (typeof server === "string" && used.has(name)) note(`left out: ${server}`, name);
  const runs = plan.scenarios.flatMap((scenario) => runsOf(scenario, plan));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const { title, measure: measureRun } of runs) {
      plan.signal.throwIfAborted();
      const said: string[] = [];
      try {
        const { figures, doubts } = await measureRun();
        for (const doubt of doubts) note(doubt, title);
        for (const { row, server, figure } of figures) {
          record(samples, row.name, server, figure);
          said.push(`${figure.toFixed(2)} ${row.unit}`);
        }
      } catch (cause) {
        plan.signal.throwIfAborted();
        const reason = cause instanceof Error ? cause.message : String(cause);
        note(`failed: ${reason}`, title);
        said.push(`failed: ${reason}`);
      }
      console.error(`round ${round}/${plan.rounds}: ${title}: ${said.join(", ")}`);
    }
  }
  return { samples, notes: [...notes].map(([text, about]) => `${text} (${[...about].join("; ")})`) };
}

/** The servers that a scenario starts, one run each. */
function serversOf(scenario: Scenario): readonly ServerName[] {
  return "invocations" in scenario ? ["hubwire"] : scenario.servers;
}

function runsOf(scenario: Scenario, plan: Plan): Run[] {
  return serversOf(scenario).flatMap((name) => {
    const server = plan.servers.get(name);
    if (typeof server !== "object") return [];
    if ("load" in scenario) return [loadRun(scenario, name, server, plan)];
    if ("relay" in scenario) return [relayRun(scenario, name, server, plan)];
    return [invocationRun(scenario, server, plan)];
  });
}

function loadRun({ load, rows }: LoadScenario, name: ServerName, server: BenchServer, plan: Plan): Run {
  return {
    title: `${rows[0]?.name}, ${name}`,
    measure: async () => {
      const result = await measureQuietly(plan, server, load);
      return {
        figures: rows.map((row) => ({ row, server: name, figure: row.figure(result) })),
        doubts: doubtsOf(result, load),
      };
    },
  };
}

function invocationRun({ invocations, rows }: InvocationScenario, hubwire: BenchServer, plan: Plan): Run {
  return {
    title: `${rows[0]?.name}`,
    measure: async () => {
      const { result, doubts } = await measureInvocations({ ...plan, hubwire, load: invocations });
      const figures = rows.flatMap((row) =>
        Object.entries(row.figures(result)).map(([server, figure]) => ({
          row,
          server: server as ServerName,
          figure,
        })),
      );
      return { figures, doubts };
    },
  };
}

function relayRun({ relay, rows }: RelayScenario, name: ServerName, server: BenchServer, plan: Plan): Run {
  return {
    title: `${rows[0]?.name}, ${name}`,
    measure: async () => {
      const { result, doubts } = await measureRelay({ ...plan, name, server, load: relay });
      return { figures: rows.map((row) => ({ row, server: name, figure: row.figure(result) })), doubts };
    },
  };
}

/**
 * sigload repeats disturbed windows by itself, but connects only once: a disturbed storm of connections is repeated
 * here, and the least disturbed of three counts.
 */
async function measureQuietly(plan: Plan, server: BenchServer, load: Load): Promise<LoadResult> {
  let best = await measureOnce(plan, server, load);
  if (load.reach !== "nobody" || plan.quick) return best;
  for (let again = 0; again < 2 && best.connect_other_on_server_core > maxOther; again++) {
    const next = await measureOnce(plan, server, load);
    if (next.connect_other_on_server_core < best.connect_other_on_server_core) best = next;
  }
  return best;
}

async function measureOnce(plan: Plan, server: BenchServer, load: Load): Promise<LoadResult> {
  const clients = plan.quick ? Math.min(load.clients, 1_000) : load.clients;
  await using process = await startServer(server.command, serverCore, plan.signal);
  await server.prepare(process.port, load);
  const sends = load.reach !== "nobody";
  return await runSigload({
    sigload: plan.sigload,
    core: generatorCore,
    mode: sends ? "bcast" : "idle",
    flags: {
      ...server.addressing(load),
      ...reachFlags(load),
      conns: clients,
      outstanding: load.underWay,
      burst: load.burst,
      size: load.payloadBytes,
      messagepack: load.messagePackShare,
      "then-fraction": load.thenHalfRate ? 0.5 : 0,
      runs: 1,
      duration: sends ? plan.durationS : 0.1,
      ...(plan.quick ? { warmup: 0.2, settle: 0.1 } : { warmup: 2, settle: 1, "max-other": maxOther }),
      port: process.port,
      "server-pid": process.pid,
      "server-core": serverCore,
    },
    // Connecting, settling and warming up, and up to three windows each for the top and the half rate.
    timeoutMs: 180_000 + plan.durationS * 6_000,
    signal: plan.signal,
  });
}

function reachFlags({ reach, clients }: Load): Flags {
  if (reach === "group") return { targets: groupCount, receivers: clients / groupCount };
  if (reach === "user") return { targets: userCount, receivers: 1 };
  return {};
}

function record(
  samples: Map<string, Map<ServerName, number[]>>,
  row: string,
  server: ServerName,
  figure: number,
): void {
  const ofRow = samples.get(row) ?? new Map<ServerName, number[]>();
  samples.set(row, ofRow.set(server, [...(ofRow.get(server) ?? []), figure]));
}
