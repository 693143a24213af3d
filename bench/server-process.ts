import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "./bench-server.ts";

/** The one core of a measured server. */
export const serverCore = 0;
/** The core of everything else. */
export const generatorCore = 1;

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

/** A server that listens; disposing of it ends its process. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/** Starts a server on a free loopback port and one core; resolves when it takes connections. */
export async function startServer(
  command: (port: number) => Command,
  core: number,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const port = await freePort();
  const { args, env } = command(port);
  // taskset replaces itself with the server, so the child's id is the server's.
  const child = spawn("taskset", ["-c", String(core), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const stop = (): Promise<void> => end(child);
  try {
    const { pid } = child;
    if (pid === undefined) await once(child, "spawn");
    await listening(child, port, signal);
    return { pid: pid ?? 0, port, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    await stop();
    throw new Error(`it did not start: ${errorLine(said)}`, { cause });
  }
}

function errorLine(said: string): string {
  const lines = said.trim().split("\n");
  return lines.find((line) => /error/i.test(line)) ?? lines[0] ?? "";
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listening(child: ChildProcess, port: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`nothing listens after ${startTimeoutMs / 1000} s`);
    await delay(50, undefined, { signal });
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // refused: not listening yet
  } finally {
    socket.destroy();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await closed;
  clearTimeout(kill);
}
