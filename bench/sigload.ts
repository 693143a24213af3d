import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Flags, flagArgs } from "./bench-server.ts";

/** One window of measurement, as sigload prints it. */
export interface LoadWindow {
  /** Sent at a fixed rate (half of the top rate), not as fast as the server answers. */
  readonly paced: boolean;
  readonly messages_per_s: number;
  readonly broadcasts_per_s: number;
  /** Answered invocations. */
  readonly completions_per_s: number;
  readonly p50_us: number;
  readonly p99_us: number;
  /** Cores, as all CPU figures. */
  readonly server_cpu: number;
  readonly generator_cpu: number;
  readonly other_on_server_core: number;
  /** Of all cores, by neither the server nor the generator. */
  readonly other_cpu: number;
  readonly server_us_per_msg: number;
  /** Clients that the server dropped. */
  readonly lost: number;
  /** Completions with an error. */
  readonly errors: number;
}

/** What sigload reports of one run: connecting, memory, and its windows. */
export interface LoadResult {
  readonly failed: number;
  readonly connects_per_s: number;
  readonly connect_other_on_server_core: number;
  readonly rss_kib_per_conn: number;
  readonly last_error: string;
  readonly runs: readonly LoadWindow[];
}

/** How and for how long sigload runs. */
export interface LoadRun {
  readonly sigload: string;
  /** The one core it may use; the server has another. */
  readonly core: number;
  readonly mode: "bcast" | "bcast-hub" | "echo" | "idle";
  readonly flags: Flags;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Runs sigload once. Throws when it fails, when a client could not connect or was lost, or when nothing arrived. */
export async function runSigload({
  sigload,
  core,
  mode,
  flags,
  timeoutMs,
  signal,
}: LoadRun): Promise<LoadResult> {
  const child = spawn("taskset", ["-c", String(core), sigload, mode, ...flagArgs(flags)], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    signal,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code, killedBy] = (await once(child, "close")) as [number | null, string | null];
  if (killedBy !== null) throw new Error(`sigload was stopped after ${timeoutMs / 1000} s`);
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `sigload ended with ${code}`);
  const result = JSON.parse(stdout) as LoadResult;
  const fault = faultOf(result, mode);
  if (fault !== undefined) throw new Error(fault);
  return result;
}

function faultOf(result: LoadResult, mode: LoadRun["mode"]): string | undefined {
  const lost = result.runs.reduce((sum, window) => sum + window.lost, 0);
  const errors = result.runs.reduce((sum, window) => sum + window.errors, 0);
  const arrived = (window: LoadWindow): number =>
    mode === "echo" ? window.completions_per_s : window.messages_per_s;
  if (result.failed > 0) return `${result.failed} clients could not connect: ${result.last_error}`;
  if (lost > 0) return `${lost} clients were lost: ${result.last_error}`;
  if (errors > 0) return `${errors} invocations failed: ${result.last_error}`;
  if (mode !== "idle" && result.runs.some((window) => arrived(window) === 0)) {
    return `the server stopped delivering ${result.last_error}`.trim();
  }
  return undefined;
}
