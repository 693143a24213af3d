import type { EmitEvent } from "../core/events.ts";
import type { ClientLine } from "./client-line.ts";
import type { ShutdownMode } from "./ping-dialogue.ts";
import type { ServerConnection } from "./server-connection.ts";
import { mayMigrate } from "./server-registry.ts";

/**
 * A client that is to move is let through no more, and moves when its app server has nothing more to say to it: what
 * is under way there would be lost with the answers that it owes. At most for so long.
 */
const QUIET_MS = 1_000;
const MAX_WAIT_MS = 10_000;

/**
 * App servers that shut down gracefully: their connections get no new clients, and the present ones are dropped, moved to
 * another app server, or left alone until they go. docs/spec/service-protocol.md §4.5
 */
export class Departures {
  readonly #otherFor: (line: ClientLine) => ServerConnection | undefined;
  readonly #emit: EmitEvent;
  /** Clients that wait to move, by the connection that they leave, and since when. */
  readonly #moving = new Map<ServerConnection, Map<ClientLine, number | undefined>>();

  /** @param otherFor the connection of another app server that a client can move to */
  constructor(otherFor: (line: ClientLine) => ServerConnection | undefined, emit: EmitEvent) {
    this.#otherFor = otherFor;
    this.#emit = emit;
  }

  /** An app server says that this connection of it goes; it may say so again. */
  begin(from: ServerConnection, mode: ShutdownMode): void {
    if (from.isOffline) return;
    from.isOffline = true;
    const { hub, serverId, connectionId: serverConnectionId, clients } = from;
    this.#emit({ name: "server.draining", hub, serverId, serverConnectionId, clients, mode });
    if (mode === "wait") return;
    const moving = new Map<ClientLine, number | undefined>();
    const mayMove = mode === "migrate" && mayMigrate(from.migrationLevel, false);
    for (const line of from.lines.values()) {
      if (!mayMove || !line.canMigrate || this.#otherFor(line) === undefined) line.drop();
      else {
        line.hold();
        moving.set(line, undefined);
      }
    }
    if (moving.size > 0) this.#moving.set(from, moving);
  }

  /** The connection is gone. */
  forget(from: ServerConnection): void {
    this.#moving.delete(from);
  }

  tick(nowMs: number): void {
    for (const [from, lines] of this.#moving) {
      for (const [line, sinceMs] of lines) {
        if (from.lines.get(line.client.id) !== line) {
          lines.delete(line);
          continue;
        }
        if (sinceMs === undefined) lines.set(line, nowMs);
        if (line.quietMs(nowMs) < QUIET_MS && nowMs - (sinceMs ?? nowMs) < MAX_WAIT_MS) continue;
        lines.delete(line);
        this.#move(line, from);
      }
      if (lines.size === 0) this.#moving.delete(from);
    }
  }

  #move(line: ClientLine, from: ServerConnection): void {
    const to = this.#otherFor(line);
    if (to === undefined) return line.drop();
    line.migrate(to, false);
    this.#emit({
      name: "server.client_migrated",
      hub: from.hub,
      connectionId: line.client.id,
      from: from.serverId,
      to: to.serverId,
    });
  }
}
