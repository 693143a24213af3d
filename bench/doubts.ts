import type { InvocationResult } from "./invocations.ts";
import type { Load } from "./scenarios.ts";
import type { LoadResult, LoadWindow } from "./sigload.ts";

/** Above this share of the server's core taken by others a window counts as disturbed. */
export const maxOther = 0.12;
/** Above this share of its own core the generator, not the server, may be what is measured. */
const maxGenerator = 0.92;

const disturbed = "others used the server's core too";

/** Below this share of its core the server is waiting, so that a rate is not its own. */
const minServer = 0.85;

/** What a reader must know of a run's figures. */
export function doubtsOf(result: LoadResult, load: Pick<Load, "reach" | "underWay">): string[] {
  const doubts: string[] = [];
  const whileConnecting = load.reach === "nobody" ? result.connect_other_on_server_core : 0;
  const others = [whileConnecting, ...result.runs.map((window) => window.other_on_server_core)];
  if (others.some((share) => share > maxOther)) {
    doubts.push(disturbed);
  }
  if (result.runs.some((window) => !window.paced && window.generator_cpu > maxGenerator)) {
    doubts.push("the generator was at its limit: the server might do more");
  }
  if (load.underWay > 1 && result.runs.some((window) => !window.paced && window.server_cpu < minServer)) {
    doubts.push("the server was not at its limit: it might do more");
  }
  return doubts;
}

/** The same of invocations, where the webhook shares the generator's core. */
export function invocationDoubts({ through, direct }: InvocationResult, underWay: number): string[] {
  const doubts = doubtsOf(through, { reach: "all", underWay });
  if (direct.other_on_core > maxOther && !doubts.includes(disturbed)) doubts.push(disturbed);
  const isFull = (window: LoadWindow): boolean =>
    window.generator_cpu + window.other_cpu - window.other_on_server_core > maxGenerator;
  if (through.runs.some(isFull))
    doubts.push("the core of the clients and the webhook was at its limit: the server might do better");
  return doubts;
}
