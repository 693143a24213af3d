import type { HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import type { ClientOrigin } from "./client.ts";
import { ClientSession, type SessionStart } from "./client-session.ts";
import type { Clock } from "./clock.ts";
import { EncodedMessage } from "./encoded-message.ts";
import type { EmitEvent } from "./events.ts";
import type { TransportName } from "./identity.ts";
import type { Limits, Timeouts } from "./limits.ts";
import type { LocalRouter } from "./local-router.ts";
import type { CloseReason } from "./ports.ts";
import type { Sweep } from "./sweep.ts";

/** What all sessions of a node share. */
export interface SessionsOptions {
  readonly router: LocalRouter;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  /** Runs the sessions' timers. */
  readonly sweep: Sweep<ClientSession>;
  readonly emit: EmitEvent;
  /** The groups that a user's new connection is in from its first moment. */
  readonly groupsOf: (hub: string, userId: string) => Promise<string[]>;
}

/** All sessions of this node, and the one sweep that runs their timers. */
export class ClientSessions {
  readonly router: LocalRouter;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly emit: EmitEvent;
  readonly groupsOf: (hub: string, userId: string) => Promise<string[]>;
  /** What clients have sent so far: hub messages, and bytes with their handshakes. Counted by each session. */
  receivedMessages = 0;
  receivedBytes = 0;
  readonly #clock: Clock;
  readonly #sessions: Sweep<ClientSession>;
  #pending = 0;
  readonly #pings: Record<HubProtocolName, EncodedMessage> = {
    json: pingOf("json"),
    messagepack: pingOf("messagepack"),
    blazorpack: pingOf("blazorpack"),
  };

  constructor({ router, limits, timeouts, clock, sweep, emit, groupsOf }: SessionsOptions) {
    this.router = router;
    this.limits = limits;
    this.timeouts = timeouts;
    this.emit = emit;
    this.groupsOf = groupsOf;
    this.#clock = clock;
    this.#sessions = sweep;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Sessions that have not finished the handshake. */
  get pending(): number {
    return this.#pending;
  }

  get nowMs(): number {
    return this.#clock.monotonicMs();
  }

  epochMs(): number {
    return this.#clock.epochMs();
  }

  start(start: SessionStart): ClientSession {
    const session = new ClientSession(this, start);
    this.#sessions.add(session);
    this.#pending++;
    return session;
  }

  /** Closes every client. */
  endAll(reason: CloseReason): void {
    for (const session of this.#sessions) session.end(reason);
  }

  /** The shared ping message: the same buffer for every client. */
  ping(protocol: HubProtocolName): EncodedMessage {
    return this.#pings[protocol];
  }

  /** For `ClientSession` alone: its client is in its hub. */
  opened({ hub, connectionId, identity }: ClientOrigin, transport: TransportName, protocol: string): void {
    this.#pending--;
    this.emit({ name: "client.opened", hub, connectionId, userId: identity.userId, transport, protocol });
  }

  /** For `ClientSession` alone: it is over, and its hub has forgotten the client. */
  ended(
    session: ClientSession,
    { hub, connectionId }: ClientOrigin,
    { category, message }: CloseReason,
  ): void {
    this.#sessions.delete(session);
    if (!session.wasOpened) this.#pending--;
    this.emit({ name: "client.closed", hub, connectionId, category, reason: message });
  }
}

function pingOf(protocol: HubProtocolName): EncodedMessage {
  const { ping, transferFormat } = hubProtocols[protocol];
  return new EncodedMessage(ping, transferFormat);
}
