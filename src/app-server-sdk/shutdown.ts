import type { Clock } from "../core/clock.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ShutdownMode } from "./settings.ts";

const FIN = { close: "fin:0", migrate: "fin:1", wait: "fin:2" } as const satisfies Record<
  ShutdownMode,
  string
>;
const REPEAT_MS = 5_000;

/**
 * Takes server connections out of service before they are closed: the service gives them no new clients, and does with those they have
 * as the mode says; docs/spec/service-protocol.md §4.5.
 */
export class Shutdown {
  readonly #mode: ShutdownMode;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #unanswered: Set<ServerConnection>;
  #saidAtMs: number;
  /** What is waited for, and what to do when it has come about. */
  #waiting: { readonly isDone: () => boolean; readonly resolve: () => void } | undefined;

  constructor(options: {
    readonly mode: ShutdownMode;
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly connections: Iterable<ServerConnection>;
  }) {
    this.#mode = options.mode;
    this.#clock = options.clock;
    this.#saidAtMs = options.clock.monotonicMs();
    this.#deadlineMs = this.#saidAtMs + options.timeoutMs;
    this.#unanswered = new Set(options.connections);
    this.#say();
  }

  /** Whether the service knows of all of them. */
  get isAcknowledged(): boolean {
    return this.#unanswered.size === 0;
  }

  /** The service has answered for a connection, or that is gone. */
  settled(connection: ServerConnection): void {
    this.#unanswered.delete(connection);
    this.check();
  }

  /** Resolves when that is so, or the time for the shutdown is over. */
  async until(isDone: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { isDone, resolve };
    this.check();
    await promise;
  }

  /** To be called when something has changed, and about once a second. */
  check(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs >= REPEAT_MS) {
      this.#saidAtMs = nowMs;
      this.#say();
    }
    if (nowMs >= this.#deadlineMs || this.#waiting?.isDone()) this.#waiting?.resolve();
  }

  #say(): void {
    for (const connection of this.#unanswered)
      connection.send({ type: "ping", pairs: [["shutdown", FIN[this.#mode]]] });
  }
}
