import { join } from "node:path";
import type { BenchServer } from "./bench-server.ts";
import { doubtsOf, maxOther } from "./doubts.ts";
import { accessKey } from "./hubwire-server.ts";
import type { ServerName } from "./scenarios.ts";
import { generatorCore, type ServerProcess, serverCore, startServer } from "./server-process.ts";
import { type LoadResult, runSigload } from "./sigload.ts";

/** What clients do with a hub: each has invocations under way that are answered, or one has everyone sent something. */
export interface RelayLoad {
  readonly mode: "echo" | "bcast-hub";
  readonly clients: number;
  /** Invocations that may be under way at once: of each client (echo), or of the one. */
  readonly underWay: number;
}

/** One measurement, and how long. */
export interface RelayRun {
  readonly name: ServerName;
  readonly server: BenchServer;
  readonly load: RelayLoad;
  readonly sigload: string;
  readonly durationS: number;
  readonly quick: boolean;
  readonly signal: AbortSignal;
}

/** Clients that invoke hub methods: on an app server behind Hubwire, or on the server itself. */
export async function measureRelay(
  run: RelayRun,
): Promise<{ result: LoadResult; doubts: readonly string[] }> {
  const { name, server, load, durationS, quick, signal } = run;
  await using process = await startServer(server.command, serverCore, signal);
  await using _appServer = name === "hubwire" ? await startAppServer(process, signal) : undefined;
  const { path = "", tokens } = server.addressing({ reach: "all" });
  const result = await runSigload({
    sigload: run.sigload,
    core: generatorCore,
    mode: load.mode,
    flags: {
      path,
      ...(tokens !== undefined && { tokens }),
      conns: load.clients,
      ...(load.mode === "echo" ? { inflight: load.underWay } : { outstanding: load.underWay }),
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
  // The app server keeps Hubwire waiting on the generator's core: what counts is the time that it takes, not the rate.
  return { result, doubts: doubtsOf(result, { reach: "all", underWay: 1 }) };
}

/** On the generator's core, so that Hubwire has one of its own. */
async function startAppServer(
  { port: servicePort }: ServerProcess,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const connectionString = `Endpoint=http://127.0.0.1;Port=${servicePort};AccessKey=${accessKey};Version=1.0;`;
  const program = join(import.meta.dirname, "app-server.ts");
  const command = (port: number) => ({
    args: [process.execPath, program, "--port", String(port), "--connection-string", connectionString],
  });
  return await startServer(command, generatorCore, signal);
}
