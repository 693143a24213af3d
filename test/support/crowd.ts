import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestHubwire } from "./start-hubwire.ts";

/** How far a client of the crowd goes before it falls silent. The last two are in their hub. */
export type Beginning =
  | "nothing"
  | "half a request"
  | "no handshake"
  | "half a handshake"
  | "as json"
  | "as messagepack";

/** What its process is told: clients to connect. */
export interface CrowdOrder {
  readonly begins: Beginning;
  readonly count: number;
  readonly host: string;
  readonly port: number;
  /** The client endpoint with its query. */
  readonly path: string;
}

/** What its process tells. */
export interface CrowdReport {
  /** Connections that the service has not let go. */
  readonly open: number;
  /** How many clients have received what since they were silent: the payloads of their frames, joined by `|`. */
  readonly heard: Readonly<Record<string, number>>;
}

/** File descriptors that are left to what is no crowd. */
const RESERVED_FILES = 1_000;

/** Thousands of clients in a process of their own, where their sockets do not count as ours. */
export class Crowd implements AsyncDisposable {
  readonly #hubwire: TestHubwire;
  readonly #process: ChildProcess;

  /** The most connections that this machine lets a process have; at most `wanted`. */
  static possible(wanted: number): number {
    const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
    const limit = Number(report.userLimits?.open_files?.soft); // NaN for "unlimited"
    return limit - RESERVED_FILES < wanted ? limit - RESERVED_FILES : wanted;
  }

  constructor(hubwire: TestHubwire) {
    this.#hubwire = hubwire;
    const script = fileURLToPath(new URL("crowd-process.ts", import.meta.url));
    this.#process = fork(script, { execArgv: [] });
  }

  /** Connects clients; resolves when all are as far as they go. */
  gather(begins: Beginning, count: number): Promise<CrowdReport> {
    const { hostname: host, port } = new URL(this.#hubwire.url);
    const path = `/client?hub=chat&access_token=${this.#hubwire.clientToken()}`;
    return this.#ask({ begins, count, host, port: Number(port), path } satisfies CrowdOrder);
  }

  report(): Promise<CrowdReport> {
    return this.#ask("report");
  }

  /** Resolves when the clients fulfil a condition, to what they tell then. */
  async until(condition: (report: CrowdReport) => boolean): Promise<CrowdReport> {
    for (let tries = 0; ; tries++) {
      const report = await this.report();
      if (condition(report)) return report;
      if (tries === 1_000) throw new Error(`the crowd waits in vain: ${JSON.stringify(report)}`);
    }
  }

  /** All drop their connections at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #ask(question: CrowdOrder | "report"): Promise<CrowdReport> {
    const answer = once(this.#process, "message");
    this.#process.send(question);
    const [report] = (await answer) as [CrowdReport];
    return report;
  }
}
