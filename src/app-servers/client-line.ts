import { inboundClaims } from "../auth/inbound-claims.ts";
import type { Client } from "../core/client.ts";
import type { ClientIdentity } from "../core/identity.ts";
import type { CloseReason, RelayedClient, RelayLine, RelayOpening } from "../core/ports.ts";
import { DataType, type ServiceMessage } from "../protocol/service-message.ts";
import { connectionDataHead } from "../protocol/service-protocol.ts";
import type { ClientResults } from "./client-results.ts";
import { migratedFrom, type OpenConnection, openConnectionOf } from "./open-connection.ts";
import { dataTypeOf, type ServerConnection } from "./server-connection.ts";

type ConnectionData = Extract<ServiceMessage, { readonly type: "connectionData" }>;

/** What a line needs besides its client. */
export interface LineOptions {
  readonly results: ClientResults;
  readonly nowMs: () => number;
  /** What the parts of one hub message may have together. */
  readonly maxMessageBytes: number;
}

/** What another app server must be told of a client that moves to it. */
interface Passport {
  readonly opening: OpenConnection;
  readonly handshake: Buffer;
}

/**
 * One client on the server connection that it is bound to for its life, unless it moves when its app server goes.
 * docs/spec/service-protocol.md §4.5, §5
 */
export class ClientLine implements RelayLine {
  readonly client: Client;
  readonly isStateful: boolean;
  readonly #relayed: RelayedClient;
  readonly #options: LineOptions;
  readonly #head: Buffer;
  #server: ServerConnection;
  /** Kept where the client may move. */
  readonly #passport: Passport | undefined;
  /** Parts of a hub message whose last one is to come. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** When the app server was last heard of, or the client was let through to it; kept while the client waits to move. */
  #activeAtMs: number | undefined;
  #pauses = 0;
  /** It waits to move, paused. */
  #isHeld = false;
  #isOver = false;

  constructor(
    server: ServerConnection,
    { client, request, handshake, isStateful, relayed }: RelayOpening,
    options: LineOptions,
  ) {
    this.client = client;
    this.isStateful = isStateful;
    this.#relayed = relayed;
    this.#options = options;
    this.#server = server;
    this.#head = connectionDataHead(client.id);
    const opening = openConnectionOf(client, request);
    if (server.migrationLevel > 0) this.#passport = { opening, handshake: Buffer.from(handshake) };
    server.lines.set(client.id, this);
    server.send(opening);
    server.sendData(
      this.#head,
      handshake,
      server.allowsStatefulReconnect ? DataType.handshake : DataType.unknown,
    );
  }

  get server(): ServerConnection {
    return this.#server;
  }

  get isCongested(): boolean {
    return this.#server.isCongested;
  }

  send(bytes: Buffer, type: number | undefined): void {
    if (this.#activeAtMs !== undefined) this.#activeAtMs = this.#options.nowMs();
    // An app server that is too old to know types would lose the message.
    const dataType = this.#server.allowsStatefulReconnect ? dataTypeOf(type) : DataType.unknown;
    this.#server.sendData(this.#head, bytes, dataType);
  }

  reattached(): void {
    this.#server.send({ type: "connectionReconnect", connectionId: this.client.id });
  }

  renewed(claimsBefore: ClientIdentity["claims"]): void {
    const { claims } = this.client.origin.identity;
    if (JSON.stringify(claims) === JSON.stringify(claimsBefore)) return;
    const connectionId = this.client.id;
    this.#server.send({ type: "updateConnectionClaims", connectionId, claims: inboundClaims(claims) });
  }

  closed(): void {
    if (this.#isOver) return;
    this.#over();
    this.#server.send({ type: "closeConnection", connectionId: this.client.id, error: "", headers: [] });
  }

  /** Reads no more of the client until as many `unpause`. */
  pause(): void {
    this.#pauses++;
    this.#relayed.pause();
  }

  unpause(): void {
    this.#pauses--;
    this.resume();
  }

  /** Goes on reading the client, where nothing is in the way. */
  resume(): void {
    if (this.#pauses === 0 && !this.isCongested) this.#relayed.resume();
  }

  /** The app server sends the client something. */
  received({ payload, dataType = DataType.unknown, isPartial }: ConnectionData): void {
    if (this.#activeAtMs !== undefined) this.#activeAtMs = this.#options.nowMs();
    if (isPartial || this.#parts.length > 0) {
      this.#partsBytes += payload.length;
      if (this.#partsBytes > this.#options.maxMessageBytes)
        return this.#end("ServiceTransientError", "A message of the app server is too large.");
      this.#parts.push(payload);
      if (isPartial) return;
    }
    this.#relayed.receive(this.#whole(payload), isCounted(dataType));
  }

  /** The app server has ended the client. */
  closedByServer(error: string): void {
    this.#over();
    const message = error === "" ? "The app server closed the client." : error;
    this.#relayed.close({ category: "ClosedByAppServer", message, allowReconnect: false });
  }

  /** Its app server is gone, and nothing of it can be told any more. */
  serverLost(): void {
    this.#over();
    this.#end("ServerConnectionClosed", "The app server's connection was lost.");
  }

  /** Its app server goes and lets it come back to another. */
  drop(): void {
    this.closed();
    this.#end("ServerConnectionClosed", "The app server shuts down.");
  }

  /** Whether the client can go on with another app server: Blazor's must stay where their state is. */
  get canMigrate(): boolean {
    const { claims } = this.client.origin.identity;
    return (
      this.#passport !== undefined &&
      this.#relayed.isAnswered &&
      !claims.some(([type, value]) => type === "asrs.s.ssticky" && value === "Required")
    );
  }

  /** How long nothing has gone either way since this was first asked. */
  quietMs(nowMs: number): number {
    this.#activeAtMs ??= nowMs;
    return nowMs - this.#activeAtMs;
  }

  /** Lets no more of the client through, until it has moved. */
  hold(): void {
    this.#isHeld = true;
    this.pause();
  }

  /**
   * Moves to another app server, between two messages; the client notices nothing.
   * @param isLost whether the present one cannot be told
   */
  migrate(to: ServerConnection, isLost: boolean): void {
    const passport = this.#passport;
    if (passport === undefined) return;
    const from = this.#server;
    from.lines.delete(this.client.id);
    if (!isLost)
      from.send({
        type: "closeConnection",
        connectionId: this.client.id,
        error: "",
        headers: [["Asrs-Migrate-To", [to.serverId]]],
      });
    this.#server = to;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#activeAtMs = undefined;
    to.lines.set(this.client.id, this);
    const claims = inboundClaims(this.client.origin.identity.claims);
    to.send(migratedFrom({ ...passport.opening, claims }, from.serverId));
    to.sendData(
      this.#head,
      passport.handshake,
      to.allowsStatefulReconnect ? DataType.handshake : DataType.unknown,
    );
    this.#options.results.migrated(this, from);
    if (this.#isHeld) this.#pauses--;
    this.#isHeld = false;
    this.resume();
  }

  #whole(payload: Buffer): Buffer {
    if (this.#parts.length === 0) return payload;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsBytes = 0;
    return whole;
  }

  #end(category: CloseReason["category"], message: string): void {
    this.#relayed.end({ category, message, allowReconnect: true });
  }

  #over(): void {
    this.#isOver = true;
    this.#server.lines.delete(this.client.id);
    this.#options.results.clientGone(this);
  }
}

function isCounted(dataType: number): boolean | undefined {
  if (dataType === DataType.unknown || dataType === DataType.handshake) return undefined;
  return dataType === DataType.invocation;
}
