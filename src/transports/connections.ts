import type { ClientOrigin } from "../core/client.ts";
import type { ClientSession, SessionStart } from "../core/client-session.ts";
import type { ClientSessions } from "../core/client-sessions.ts";
import type { ClientIdentity, TransportName } from "../core/identity.ts";
import type {
  Authentication,
  ClientBackend,
  ClientTransport,
  ConnectionTokens,
  ConnectRequest,
} from "../core/ports.ts";
import { ReceiveBuffer } from "../core/receive-buffer.ts";
import { newConnectionId } from "./connection-ids.ts";
import type { LongPollingTransport } from "./long-polling-transport.ts";
import type { OpenTransport, TransportContext } from "./transport-context.ts";

/** A transport that can be given the session it feeds. */
export interface AttachableTransport extends ClientTransport {
  session: ClientSession | undefined;
}

/** What negotiate, or a first request without it, has settled about a connection. */
export interface NegotiatedConnection {
  readonly hub: string;
  readonly identity: ClientIdentity;
  readonly query: string;
  readonly backend: ClientBackend;
  readonly statefulReconnect: boolean;
}

/** How a client arrives. */
interface Arrival extends Pick<SessionStart, "request" | "onEnded"> {
  readonly transport: AttachableTransport;
}

/** What a new client is known by. */
export function clientOrigin({ hub, identity, query }: AdmittedOrigin): ClientOrigin {
  return { connectionId: newConnectionId(), hub, identity, query };
}

type AdmittedOrigin = Pick<NegotiatedConnection, "hub" | "identity" | "query">;

/** One negotiated connection: found by its token by every later request, until it is over. */
export class Connection implements OpenTransport, Authentication {
  readonly origin: ClientOrigin;
  /** The `id` of later requests: a secret with negotiate version 1, the connection id with version 0. */
  readonly token: string;
  readonly negotiated: NegotiatedConnection;
  /** Fixed with the first attach. */
  transport: TransportName | undefined;
  session: ClientSession | undefined;
  longPolling: LongPollingTransport | undefined;
  /** Ends when the posts that have come so far are read: they are read one at a time. */
  posting: Promise<unknown> = Promise.resolve();
  /** What was posted before a transport was there. */
  #early: ReceiveBuffer | undefined;
  readonly #connections: Connections;
  readonly #sinceMs: number;

  constructor(connections: Connections, version: 0 | 1, negotiated: NegotiatedConnection) {
    this.#connections = connections;
    this.negotiated = negotiated;
    this.origin = clientOrigin(negotiated);
    this.token = version === 0 ? this.connectionId : newConnectionId();
    this.#sinceMs = connections.context.clock.monotonicMs();
  }

  get connectionId(): string {
    return this.origin.connectionId;
  }

  get hub(): string {
    return this.origin.hub;
  }

  get identity(): ClientIdentity {
    return this.origin.identity;
  }

  renew(identity: ClientIdentity): void {
    const before = this.origin.identity;
    this.origin.identity = identity;
    this.session?.renewed(before);
  }

  /** Whether its token alone proves who asks: with version 0 the token is the public connection id. */
  get hasSecretToken(): boolean {
    return this.token !== this.connectionId;
  }

  /** Whether the connection has ended. */
  get isGone(): boolean {
    return this.session === undefined ? this.#connections.find(this.token) !== this : this.session.isClosed;
  }

  /**
   * Takes bytes that were posted; `false` when the connection has ended. It ends when more comes than a handshake may have
   * before there is a transport.
   */
  receive(chunk: Buffer): boolean {
    if (this.isGone) return false;
    if (this.session !== undefined) {
      this.session.receive(chunk);
      return true;
    }
    if (this.#early === undefined) this.#early = new ReceiveBuffer(chunk);
    else this.#early.append(chunk);
    if (this.#early.length > this.#connections.context.limits.maxHandshakeBytes) this.destroy();
    return !this.isGone;
  }

  /** The session has started: it gets what was posted before. */
  started(session: ClientSession): void {
    this.session = session;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) session.receive(early.bytes);
  }

  tick(nowMs: number): void {
    if (nowMs - this.#sinceMs >= this.#connections.context.timeouts.disconnectMs) this.destroy();
  }

  destroy(): void {
    this.#connections.drop(this);
  }
}

/** All negotiated connections of this node by their tokens. */
export class Connections implements ConnectionTokens {
  readonly context: TransportContext;
  readonly #sessions: ClientSessions;
  readonly #byToken = new Map<string, Connection>();
  #unattached = 0;

  constructor(context: TransportContext, sessions: ClientSessions) {
    this.context = context;
    this.#sessions = sessions;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** Whether as many connections as allowed are on their way to a finished handshake. */
  get isFull(): boolean {
    return this.#unattached + this.#sessions.pending >= this.context.limits.maxPendingConnections;
  }

  /** Remembers a connection until it is attached, for as long as the disconnect timeout. */
  negotiate(version: 0 | 1, negotiated: NegotiatedConnection): Connection {
    const connection = new Connection(this, version, negotiated);
    this.#byToken.set(connection.token, connection);
    this.#unattached++;
    this.context.sweep.add(connection);
    return connection;
  }

  find(token: string): Connection | undefined {
    return this.#byToken.get(token);
  }

  authentication(token: string): Authentication | undefined {
    const connection = this.find(token);
    return connection?.hasSecretToken && !connection.isGone ? connection : undefined;
  }

  /**
   * Starts the session of a negotiated connection on its first transport. When the session is over so is the
   * connection, but for a long-polling one, which later polls must find to learn of it.
   */
  attach(connection: Connection, transport: AttachableTransport, request: ConnectRequest): void {
    this.#settle(connection);
    connection.transport = transport.kind;
    const onEnded = transport.kind === "LongPolling" ? undefined : () => this.drop(connection);
    const { origin, negotiated } = connection;
    connection.started(this.start(origin, negotiated, { transport, request, ...(onEnded && { onEnded }) }));
  }

  /** Starts a session, be it of a negotiated connection or not. */
  start(
    origin: ClientOrigin,
    { backend, statefulReconnect }: NegotiatedConnection,
    arrival: Arrival,
  ): ClientSession {
    const session = this.#sessions.start({ ...arrival, origin, backend, statefulReconnect });
    arrival.transport.session = session;
    return session;
  }

  /** Forgets a connection: its token is unknown from now on. */
  drop(connection: Connection): void {
    this.#settle(connection);
    this.#byToken.delete(connection.token);
  }

  /** Forgets the connections that no transport has attached to: they must be negotiated elsewhere. */
  forgetUnattached(): void {
    for (const connection of this.#byToken.values())
      if (connection.transport === undefined) this.drop(connection);
  }

  #settle(connection: Connection): void {
    if (connection.transport !== undefined || !this.#byToken.has(connection.token)) return;
    this.#unattached--;
    this.context.sweep.delete(connection);
  }
}
