import type { ServerConnection } from "./server-connection.ts";
import type { HubServers } from "./server-registry.ts";

/** How an app server goes: its clients are dropped, moved to others, or waited for. docs/spec/service-protocol.md §4.5 */
export type ShutdownMode = "drop" | "migrate" | "wait";

type Pairs = readonly (readonly [key: string, value: string])[];

/** What pings are answered with. */
export interface PingFacts {
  readonly servers: HubServers;
  /** Clients of the hub. */
  readonly hubClients: number;
  /** Clients of the service. */
  readonly clients: number;
  /** Server connections of the service. */
  readonly serverConnections: number;
  /** For the list of servers. */
  readonly stamps: Stamps;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * The stamps of lists of servers: the SDK takes no list whose stamp is not above the last one's. They grow with time and count
 * as .NET does, as the SDK compares them with clocks of its own too.
 */
export class Stamps {
  #last = 0n;

  /** One that is above all before. */
  next(nowMs: number): bigint {
    const ticks = (BigInt(Math.floor(nowMs)) + EPOCH_MS_AFTER_YEAR_1) * TICKS_PER_MS;
    this.#last = ticks > this.#last ? ticks : this.#last + 1n;
    return this.#last;
  }
}

const TICKS_PER_MS = 10_000n;
const EPOCH_MS_AFTER_YEAR_1 = 62_135_596_800_000n;
const modes: ReadonlyMap<string, ShutdownMode> = new Map([
  ["fin:0", "drop"],
  ["fin:1", "migrate"],
  ["fin:2", "wait"],
]);

/**
 * Answers what a ping asks, docs/spec/service-protocol.md §3.4. Keys that are not known, and those that only the service sends,
 * are passed over.
 * @returns how the app server shuts down, where it says that it does
 */
export function answerPing(
  from: ServerConnection,
  pairs: Pairs,
  facts: () => PingFacts,
): ShutdownMode | undefined {
  let shutdown: ShutdownMode | undefined;
  for (const [key, value] of pairs) {
    if (key === "status") from.send({ type: "ping", pairs: statusOf(facts()) });
    else if (key === "servers") from.send({ type: "ping", pairs: [["servers", serversOf(facts())]] });
    else if (key === "echo") from.send({ type: "ping", pairs: [["echo", value]] });
    else if (key === "shutdown") shutdown ??= modes.get(value);
  }
  if (shutdown !== undefined) from.send({ type: "ping", pairs: [["shutdown", "finack"]] });
  return shutdown;
}

function statusOf({ hubClients, clients, serverConnections }: PingFacts): Pairs {
  return [
    ["status", hubClients > 0 ? "1" : "0"],
    ["clientcount", String(clients)],
    ["servercount", String(serverConnections)],
  ];
}

function serversOf({ servers, stamps, nowMs }: PingFacts): string {
  return `${stamps.next(nowMs)}:${[...servers.serverIds].join(";")}`;
}
