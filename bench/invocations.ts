import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BenchServer, type Command, flagArgs } from "./bench-server.ts";
import { invocationDoubts, maxOther } from "./doubts.ts";
import { generatorCore, type ServerProcess, serverCore, startServer } from "./server-process.ts";
import { type LoadResult, runSigload } from "./sigload.ts";

/** How clients invoke: each one thing at a time, so that as many calls as clients are under way at most. */
export interface InvocationLoad {
  readonly clients: number;
  readonly payloadBytes: number;
}

/** What `direct-caller.ts` prints. */
export interface DirectResult {
  /** As fast as answers come. */
  readonly calls_per_s: number;
  /** At the rate that it was given. */
  readonly p50_us: number;
  /** What others took of its core. */
  readonly other_on_core: number;
}

/** One webhook, called by Hubwire for clients that wait for the result, and called directly. */
export interface InvocationResult {
  readonly through: LoadResult;
  /** Paced at half of the rate that `through` reached. */
  readonly direct: DirectResult;
}

/** One measurement, and how long. */
export interface InvocationRun {
  readonly hubwire: BenchServer;
  readonly load: InvocationLoad;
  readonly sigload: string;
  readonly durationS: number;
  readonly quick: boolean;
  readonly signal: AbortSignal;
}

const run = promisify(execFile);
const program = (name: string): string => join(import.meta.dirname, name);

/** Measures until nothing makes the figures doubtful, at most three times; those with the fewest doubts count. */
export async function measureInvocations(
  measured: InvocationRun,
): Promise<{ result: InvocationResult; doubts: readonly string[] }> {
  const measureOnce = async () => {
    const result = await measureOneAfterTheOther(measured);
    return { result, doubts: invocationDoubts(result, measured.load.clients) };
  };
  let best = await measureOnce();
  for (let again = 0; again < 2 && best.doubts.length > 0 && !measured.quick; again++) {
    const next = await measureOnce();
    if (next.doubts.length < best.doubts.length) best = next;
  }
  return best;
}

/**
 * Hubwire, and afterwards the direct caller in its place, has a core of its own; the webhook is on the other one, with
 * the clients.
 */
async function measureOneAfterTheOther(measured: InvocationRun): Promise<InvocationResult> {
  const command = (port: number): Command => ({
    args: [process.execPath, program("upstream-peer.ts"), "--port", String(port)],
  });
  await using upstream = await startServer(command, generatorCore, measured.signal);
  const through = await throughHubwire(measured, upstream);
  const reached = through.runs.find(({ paced }) => !paced)?.completions_per_s ?? Number.NaN;
  return { through, direct: await directly(measured, upstream, reached / 2) };
}

async function throughHubwire(measured: InvocationRun, upstream: ServerProcess): Promise<LoadResult> {
  const { hubwire, load, sigload, durationS, quick, signal } = measured;
  const { clients, payloadBytes } = load;
  const env = {
    HUBWIRE_MODE: "serverless",
    HUBWIRE_UPSTREAM_TEMPLATES: JSON.stringify([{ UrlTemplate: `http://127.0.0.1:${upstream.port}/` }]),
  };
  const command = (port: number): Command => ({ ...hubwire.command(port), env });
  await using process = await startServer(command, serverCore, signal);
  const { path = "", tokens = "" } = hubwire.addressing({ reach: "nobody" });
  return await runSigload({
    sigload,
    core: generatorCore,
    mode: "echo",
    flags: {
      path,
      tokens,
      conns: clients,
      size: payloadBytes,
      "then-fraction": 0.5,
      runs: 1,
      duration: durationS,
      ...(quick ? { warmup: 0.2, settle: 0.1 } : { warmup: 2, settle: 1, "max-other": maxOther }),
      port: process.port,
      "server-pid": process.pid,
      "server-core": serverCore,
    },
    timeoutMs: 60_000 + durationS * 6_000,
    signal,
  });
}

async function directly(
  { load, durationS, quick, signal }: InvocationRun,
  { port }: ServerProcess,
  rate: number,
): Promise<DirectResult> {
  const flags = flagArgs({
    port,
    rate,
    "under-way": load.clients,
    size: load.payloadBytes,
    duration: durationS,
    core: serverCore,
    ...(quick ? { warmup: 0.2 } : { warmup: 2, "max-other": maxOther }),
  });
  const args = ["-c", String(serverCore), process.execPath, program("direct-caller.ts"), ...flags];
  const { stdout } = await run("taskset", args, { signal, timeout: 60_000 + durationS * 6_000 });
  return JSON.parse(stdout) as DirectResult;
}
