import { once } from "node:events";
import { WebSocket } from "ws";
import { mintToken } from "../../src/auth/token.ts";
import { hubProtocols } from "../../src/protocol/hub-protocols.ts";
import type { AppServerMessage, ServiceMessage, SharedMessage } from "../../src/protocol/service-message.ts";
import {
  encodeServiceMessage,
  findServiceMessageEnd,
  readServiceMessage,
} from "../../src/protocol/service-protocol.ts";
import { ACCESS_KEY, type TestHubwire } from "./start-hubwire.ts";

const PATIENCE_MS = 10_000;
const PINGS = [hubProtocols.json.ping, hubProtocols.messagepack.ping];

/** A message of the service as this peer has read it. */
type Received = ReturnType<typeof readServiceMessage>;
type Of<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { readonly type: Type }>;

/** How an app server connects. */
export interface PeerOptions {
  readonly hub?: string;
  readonly serverId?: string;
  /** One of `ConnectionType`. */
  readonly type?: number;
  readonly migrationLevel?: number;
  readonly allowStatefulReconnects?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One server connection that does only what the test says: neither the SDK nor the library. */
export class AppServerPeer implements Disposable {
  readonly socket: WebSocket;
  readonly serverId: string;
  /** Empty pings that have come. */
  keepAlives = 0;
  #unread: Buffer = Buffer.alloc(0);
  readonly #messages: Received[] = [];
  #isOver = false;
  #fences = 0;
  #wake = (): void => {};

  private constructor(socket: WebSocket, serverId: string) {
    this.socket = socket;
    this.serverId = serverId;
    socket.on("message", (data: Buffer) => this.#read(data));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** Opens the WebSocket and says nothing. */
  static async open(hubwire: TestHubwire, options: PeerOptions = {}): Promise<AppServerPeer> {
    const { hub = "chat", serverId = "server1", headers } = options;
    const token = mintToken({
      audience: `http://localhost/server/?hub=${hub}`,
      claims: { nameid: serverId },
      accessKey: ACCESS_KEY,
      lifetimeSeconds: 3600,
      nowMs: hubwire.clock.epochMs(),
    });
    const url = `${hubwire.url.replace("http", "ws")}/server/?hub=${hub}&cid=${serverId}-connection`;
    const socket = new WebSocket(url, {
      headers: { Authorization: `Bearer ${token}`, "X-ASRS-Server-Id": serverId, ...headers },
      perMessageDeflate: false,
    });
    await once(socket, "open");
    return new AppServerPeer(socket, serverId);
  }

  /** Connects, shakes hands and is accepted. */
  static async connect(hubwire: TestHubwire, options: PeerOptions = {}): Promise<AppServerPeer> {
    const peer = await AppServerPeer.open(hubwire, options);
    const { type = 0, migrationLevel = 0, allowStatefulReconnects = false } = options;
    peer.send({
      type: "handshakeRequest",
      version: 1,
      connectionType: type,
      target: "",
      migrationLevel,
      allowStatefulReconnects,
    });
    const { error } = await peer.next("handshakeResponse");
    if (error !== "") throw new Error(`the handshake was refused: ${error}`);
    return peer;
  }

  send(...messages: (AppServerMessage | SharedMessage)[]): void {
    this.sendBytes(Buffer.concat(messages.map(encodeServiceMessage)));
  }

  sendBytes(bytes: Buffer): void {
    this.socket.send(bytes, { binary: true });
  }

  /** Sends a client hub messages. */
  sendData(connectionId: string, data: string | Buffer): void {
    this.send({ type: "connectionData", connectionId, payload: Buffer.from(data) });
  }

  /** The next message that is no keep-alive, which must be of this type. */
  async next<Type extends ServiceMessage["type"]>(type: Type): Promise<Of<Type>> {
    const message = await this.take();
    if (message.type !== type) throw new Error(`${type} was expected, not ${JSON.stringify(message)}`);
    return message as Of<Type>;
  }

  /** What the next ConnectionData holds that is no ping of a client. */
  async nextData(): Promise<Buffer> {
    for (;;) {
      const { payload } = await this.next("connectionData");
      if (!PINGS.some((ping) => ping.equals(payload))) return payload;
    }
  }

  /** The next message that is no keep-alive. */
  async take(): Promise<Received> {
    await this.#until(() => this.#messages.length > 0);
    const message = this.#messages.shift();
    if (message === undefined) throw new Error("the server connection has ended");
    return message;
  }

  /** Resolves when something has come that is not taken. */
  arrival(): Promise<void> {
    return this.#until(() => this.#messages.length > 0);
  }

  /** What has come and was not taken. */
  get waiting(): readonly Received[] {
    return this.#messages;
  }

  /** Lets a client come that has just connected; resolves to its connection id when its handshake was answered. */
  async welcome(): Promise<string> {
    const { connectionId } = await this.next("openConnection");
    await this.next("connectionData");
    this.sendData(connectionId, "{}\x1e");
    return connectionId;
  }

  /** Resolves when the service has ended the connection. */
  ended(): Promise<void> {
    return this.#until(() => this.#isOver);
  }

  /** Asks for an acknowledgement: all that was sent before has been done then. Resolves to what has come until it, but for keep-alives. */
  async heard(): Promise<Received[]> {
    const ackId = 1_000_000 + ++this.#fences;
    this.send({ type: "checkUserExistence", userId: "nobody", ackId });
    const heard: Received[] = [];
    for (;;) {
      const message = await this.take();
      if (message.type === "ack" && message.ackId === ackId) return heard;
      heard.push(message);
    }
  }

  /** All that was sent before has been done. Drops what came meanwhile. */
  async settled(): Promise<void> {
    await this.heard();
  }

  /** Ends in an orderly way; resolves when the service has done so too. */
  async leave(): Promise<void> {
    this.socket.close(1000);
    await this.ended();
  }

  /** Ends as when its process is killed. */
  kill(): void {
    this.socket.terminate();
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#isOver) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(() => reject(new Error("waited in vain for the service")), PATIENCE_MS);
      await promise.finally(() => clearTimeout(timer));
    }
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    let at = 0;
    for (;;) {
      const end = findServiceMessageEnd(this.#unread, at, Infinity);
      if (end < 0) break;
      const message = readServiceMessage(this.#unread, at, end);
      if (message.type === "ping" && message.pairs.length === 0) this.keepAlives++;
      else this.#messages.push(message);
      at = end;
    }
    this.#unread = this.#unread.subarray(at);
    this.#wake();
  }
}
