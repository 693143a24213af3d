import { handshakeReply } from "../protocol/handshake.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { DataType, type ServiceClaims } from "../protocol/service-message.ts";
import { connectionDataHead } from "../protocol/service-protocol.ts";
import { type CallerClients, type Clients, clientsOf } from "./audience.ts";
import { ClientBytes } from "./client-bytes.ts";
import { readClientHandshake } from "./client-handshake.ts";
import type { ClientResults } from "./client-results.ts";
import { withReason } from "./errors.ts";
import type { EmitAppServerEvent } from "./events.ts";
import { type HubCodec, hubCodecs } from "./hub-codec.ts";
import { ClientContext, type HubContext } from "./hub-context.ts";
import { type InvocationHost, Invocations } from "./invocations.ts";
import type { Groups } from "./memberships.ts";
import { headersByName, headerValues, type OpenConnection, userClaims, userIdOf } from "./open-request.ts";
import type { Sender } from "./sender.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Settings } from "./settings.ts";

/** What all clients of an app server share. */
export interface HubConnectionOptions {
  readonly settings: Settings;
  readonly sender: Sender;
  readonly results: ClientResults;
  readonly clients: Clients;
  readonly groups: Groups;
  readonly emit: EmitAppServerEvent;
  /** The client is gone; `done` when nothing runs for it any more. */
  readonly onClosed: (connection: HubConnection, done: Promise<void>) => void;
}

/** How a client's life ends. */
interface Ending {
  /** For the hook. */
  readonly error?: Error | undefined;
  /** The Close message that the client is told with. */
  readonly close?: { readonly text?: string; readonly allowReconnect: boolean };
  /** Whether the service does not know. */
  readonly tellService: boolean;
}

const RECORD_SEPARATOR = 0x1e;
const CLOSED = "Connection closed with an error.";
const NOTHING = Buffer.alloc(0);

/** The life of one client of this app server, from the service's OpenConnection to its end; docs/spec/service-protocol.md §5. */
export class HubConnection implements InvocationHost, HubContext {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly server: ServerConnection;
  readonly settings: Settings;
  readonly items: Map<unknown, unknown> = new Map();
  readonly context: HubContext = new ClientContext(this);
  readonly #options: HubConnectionOptions;
  readonly #request: OpenConnection;
  readonly #head: Buffer;
  readonly #invocations: Invocations;
  #codec: HubCodec | undefined;
  #claims: ServiceClaims;
  #clients: CallerClients | undefined;
  #controller: AbortController | undefined;
  #state: "opening" | "open" | "closed" = "opening";
  readonly #bytes: ClientBytes;
  readonly #openedAtMs: number;
  #pingedAtMs: number;
  /** `undefined` until its first ping. */
  #heardAtMs: number | undefined;
  /** Whether the hook `connected` took the client, once that is known. */
  #connected: PromiseWithResolvers<boolean> | undefined;

  constructor(request: OpenConnection, server: ServerConnection, options: HubConnectionOptions) {
    this.connectionId = request.connectionId;
    this.userId = userIdOf(request.claims);
    this.server = server;
    this.settings = options.settings;
    this.#options = options;
    this.#request = request;
    this.#claims = request.claims;
    this.#bytes = new ClientBytes(this.settings.maxMessageBytes);
    this.#head = connectionDataHead(request.connectionId);
    this.#invocations = new Invocations(this);
    this.#openedAtMs = this.#pingedAtMs = this.#nowMs;
  }

  get codec(): HubCodec {
    return this.#codec ?? hubCodecs.json;
  }

  get protocol(): "json" | "messagepack" {
    return this.codec.name;
  }

  /** The hub protocol, once the client has chosen one. */
  get chosenCodec(): HubCodec | undefined {
    return this.#codec;
  }

  get claims(): ServiceClaims {
    return userClaims(this.#claims);
  }

  get headers(): Readonly<Record<string, string>> {
    return headersByName(this.#request.headers);
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#request.query);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#state === "closed") this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get clients(): CallerClients {
    this.#clients ??= clientsOf(this.#options.clients, this.connectionId);
    return this.#clients;
  }

  get groups(): Groups {
    return this.#options.groups;
  }

  /** The service's instance that the client is connected to, where it is told. */
  get instanceId(): string | undefined {
    return headerValues(this.#request.headers, "Asrs-Instance-Id")?.[0];
  }

  abort(): void {
    this.#end({ close: { allowReconnect: false }, tellService: true });
  }

  run<Result>(call: () => Result): Result {
    return this.#options.sender.run(this.server, call);
  }

  write(framed: Buffer): void {
    if (this.#state === "open") this.server.sendData(this.#head, framed, DataType.invocation);
  }

  drained(): Promise<void> | undefined {
    return this.server.isCongested ? this.server.drained() : undefined;
  }

  overflow(): void {
    this.#fail("The client has sent more than may wait for its methods.");
  }

  failed(target: string, error: unknown): void {
    this.#options.emit({ name: "method.failed", connectionId: this.connectionId, target, error });
  }

  /** Some of the client's stream of bytes. @param isPartial whether the rest of its last hub message follows */
  receive(payload: Buffer, isPartial: boolean): void {
    if (this.#state === "closed") return;
    try {
      if (isPartial) this.#bytes.addPiece(payload);
      else this.#bytes.add(payload, (bytes, start) => this.#takeOne(bytes, start));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(error.message);
    }
  }

  /** The client goes on over another socket: what was unfinished comes again. */
  reconnected(): void {
    this.#bytes.dropPieces();
  }

  /** The client was authenticated anew. */
  renew(claims: ServiceClaims): void {
    this.#claims = claims;
  }

  /** The client is gone, or goes to another app server; the service knows. */
  closedByService(error: string): void {
    this.#end({ error: error === "" ? undefined : new Error(error), tellService: false });
  }

  tick(nowMs: number): void {
    const { handshakeTimeoutMs, keepAliveMs, clientTimeoutMs } = this.settings;
    if (this.#state === "opening") {
      if (nowMs - this.#openedAtMs > handshakeTimeoutMs) this.#refuse("Handshake was canceled.");
      return;
    }
    if (this.#heardAtMs !== undefined && nowMs - this.#heardAtMs > clientTimeoutMs)
      return this.#fail(
        "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
      );
    if (nowMs - this.#pingedAtMs < keepAliveMs || this.#state === "closed") return;
    this.#pingedAtMs = nowMs;
    this.server.sendData(this.#head, this.codec.protocol.ping, DataType.other);
  }

  get #nowMs(): number {
    return this.settings.clock.monotonicMs();
  }

  /** Takes the handshake request or a hub message. */
  #takeOne(bytes: Buffer, start: number): number {
    if (this.#state === "closed") return bytes.length;
    if (this.#codec === undefined) return this.#takeHandshake(bytes, start);
    const { protocol } = this.#codec;
    const end = protocol.findEnd(bytes, start, this.settings.maxMessageBytes);
    if (end >= 0) this.#take(protocol.read(bytes, start, end));
    return end;
  }

  #takeHandshake(bytes: Buffer, start: number): number {
    const end = bytes.indexOf(RECORD_SEPARATOR, start);
    const length = (end < 0 ? bytes.length : end) - start;
    if (length > this.settings.maxMessageBytes) this.#refuse("Handshake was canceled.");
    if (end < 0 || this.#state === "closed") return -1;
    const outcome = readClientHandshake(bytes, start, end, this.settings);
    if ("refused" in outcome) this.#refuse(outcome.refused);
    else this.#open(outcome);
    return end + 1;
  }

  #open(codec: HubCodec): void {
    this.#codec = codec;
    this.#state = "open";
    this.#pingedAtMs = this.#nowMs;
    // A client that comes from another app server has had its answer.
    if (headerValues(this.#request.headers, "Asrs-Migrate-From") === undefined)
      this.server.sendData(this.#head, handshakeReply(), DataType.handshake);
    const { connectionId, userId } = this;
    this.#options.emit({ name: "client.opened", connectionId, userId });
    const connected = Promise.withResolvers<boolean>();
    this.#connected = connected;
    void this.#connect().then(connected.resolve);
  }

  /** Resolves to whether the hook took the client; never rejects. */
  async #connect(): Promise<boolean> {
    try {
      await this.run(() => this.settings.connected(this.context));
      this.#invocations.release();
      return true;
    } catch (error) {
      this.#hookFailed("connected", error);
      const text = withReason(CLOSED, error, this.settings.detailedErrors);
      this.#end({ error: asError(error), close: { text, allowReconnect: false }, tellService: true });
      return false;
    }
  }

  #take(message: HubMessage): void {
    if (message.type === HubMessageType.ping) this.#heardAtMs ??= this.#nowMs;
    if (this.#heardAtMs !== undefined) this.#heardAtMs = this.#nowMs;
    if (message.type === HubMessageType.close)
      return this.#end({
        error: message.error === undefined ? undefined : new Error(message.error),
        close: { allowReconnect: false },
        tellService: true,
      });
    if (message.type === HubMessageType.completion && this.#takeResult(message)) return;
    this.#invocations.receive(message);
  }

  #takeResult(message: HubMessage): boolean {
    const { connectionId } = this;
    const answered = this.#options.results.answered(connectionId, message, this.codec);
    if (answered === undefined) return false;
    const isOurs = answered === "ours";
    this.server.send({
      type: "clientCompletion",
      invocationId: message.invocationId ?? "",
      connectionId,
      callerServerId: isOurs ? this.settings.serverName : answered.callerServerId,
      protocol: this.protocol,
      payload: isOurs ? NOTHING : message.bytes,
    });
    return true;
  }

  #refuse(text: string): void {
    this.server.sendData(this.#head, handshakeReply(text), DataType.handshake);
    this.#end({ error: new Error(text), tellService: true });
  }

  /** Closes the client, which may come back, for what it did. */
  #fail(what: string): void {
    const text = this.settings.detailedErrors ? `${CLOSED} ${what}` : CLOSED;
    this.#end({ error: new Error(what), close: { text, allowReconnect: true }, tellService: true });
  }

  #end(ending: Ending): void {
    if (this.#state === "closed") return;
    const { connectionId } = this;
    const { close, error, tellService } = ending;
    this.#state = "closed";
    if (close !== undefined)
      this.server.sendData(
        this.#head,
        this.codec.protocol.close(close.text, close.allowReconnect),
        DataType.close,
      );
    if (tellService)
      this.server.send({ type: "closeConnection", connectionId, error: error?.message ?? "", headers: [] });
    this.#options.results.clientGone(connectionId);
    this.#controller?.abort();
    this.#options.onClosed(this, this.#finish(error));
  }

  /** Waits for what runs, and has the hook say good-bye; never rejects. */
  async #finish(error: Error | undefined): Promise<void> {
    const done = this.#invocations.close();
    const wasTaken = (await this.#connected?.promise) ?? false;
    await done;
    try {
      if (wasTaken) await this.run(() => this.settings.disconnected(this.context, error));
    } catch (cause) {
      this.#hookFailed("disconnected", cause);
    }
    this.#options.emit({ name: "client.closed", connectionId: this.connectionId, error });
  }

  #hookFailed(hook: "connected" | "disconnected", error: unknown): void {
    this.#options.emit({ name: "hook.failed", connectionId: this.connectionId, hook, error });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
