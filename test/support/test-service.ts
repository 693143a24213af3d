import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { ServiceMessage } from "../../src/protocol/service-message.ts";
import {
  encodeServiceMessage,
  findServiceMessageEnd,
  readServiceMessage,
} from "../../src/protocol/service-protocol.ts";

type Received = Extract<ServiceMessage, { type: string }>;
type Named<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { type: Type }>;

/** The service's end of a server connection: does nothing by itself but writing down what comes. */
export class ServiceEnd {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  /** WebSocket messages so far. */
  frames = 0;
  isClosed = false;
  readonly #received: Received[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #changed: () => void = () => {};

  constructor(request: IncomingMessage, socket: WebSocket) {
    this.request = request;
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.frames++;
      this.#read(Buffer.concat([this.#unread, data]));
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      this.#changed();
    });
  }

  /** What has come and was not asked for, oldest first. */
  get waiting(): readonly Received[] {
    return this.#received;
  }

  send(...messages: ServiceMessage[]): void {
    this.socket.send(Buffer.concat(messages.map((message) => encodeServiceMessage(message))));
  }

  /** Accepts the handshake. */
  async accept(): Promise<Named<"handshakeRequest">> {
    const request = await this.receives("handshakeRequest");
    this.send({ type: "handshakeResponse", error: "", connectionId: null });
    return request;
  }

  /** The next message of a type; others are left. */
  async receives<Type extends ServiceMessage["type"]>(
    type: Type,
    condition: (message: Named<Type>) => boolean = () => true,
  ): Promise<Named<Type>> {
    for (;;) {
      const index = this.#received.findIndex(
        (message) => message.type === type && condition(message as Named<Type>),
      );
      if (index >= 0) return this.#received.splice(index, 1)[0] as Named<Type>;
      if (this.isClosed) throw new Error(`closed before ${type} came`);
      await this.#change();
    }
  }

  /** The next hub messages that are sent to a client, as text, in one ConnectionData. */
  async told(connectionId: string): Promise<string> {
    const { payload } = await this.receives("connectionData", (data) => data.connectionId === connectionId);
    return payload.toString().replaceAll("\x1e", "␞");
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.#change();
  }

  /** A client comes, with its handshake. */
  open(connectionId: string, { protocol = "json", ...more }: OpenOptions = {}): void {
    this.send(
      { type: "openConnection", connectionId, claims: [], headers: [], query: "", protocol, ...more },
      this.data(connectionId, `{"protocol":"${protocol}","version":1}\x1e`),
    );
  }

  /** As `open`, until the client is taken. */
  async opened(connectionId: string, options: OpenOptions = {}): Promise<void> {
    this.open(connectionId, options);
    const reply = await this.told(connectionId);
    if (reply !== "{}␞") throw new Error(reply);
  }

  /** Bytes of a client, to be sent. */
  data(connectionId: string, bytes: string | Buffer, isPartial = false): Named<"connectionData"> {
    const payload = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    return { type: "connectionData", connectionId, payload, ...(isPartial && { isPartial }) };
  }

  /** JSON hub messages of a client. */
  say(connectionId: string, ...messages: object[]): void {
    const text = messages.map((message) => `${JSON.stringify(message)}\x1e`).join("");
    this.send(this.data(connectionId, text));
  }

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changed = resolve;
    await promise;
  }

  #read(bytes: Buffer): void {
    let at = 0;
    for (;;) {
      const end = findServiceMessageEnd(bytes, at, Infinity);
      if (end < 0 || at === bytes.length) break;
      this.#received.push(readServiceMessage(bytes, at, end) as Received);
      at = end;
    }
    this.#unread = bytes.subarray(at);
    this.#changed();
  }
}

type OpenOptions = Partial<Omit<Named<"openConnection">, "type" | "connectionId">>;

/** A stand-in for the service on a free port: app servers connect to it, and a test says what it does. */
export class TestService implements AsyncDisposable {
  readonly #server = createServer();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #ends: ServiceEnd[] = [];
  /** Answers upgrades with this status in place of accepting them. */
  refusal: number | undefined;
  /** Upgrades so far. */
  upgrades = 0;
  #changed: () => void = () => {};

  private constructor() {
    this.#server.on("upgrade", (request, socket, head) => {
      this.upgrades++;
      this.#changed();
      if (this.refusal !== undefined) {
        socket.end(`HTTP/1.1 ${this.refusal} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.#ends.push(new ServiceEnd(request, webSocket));
        this.#changed();
      });
    });
  }

  static async start(): Promise<TestService> {
    const service = new TestService();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  get connectionString(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `Endpoint=http://127.0.0.1;Port=${port};AccessKey=test-key-0123456789-0123456789;Version=1.0;`;
  }

  /** The next server connection that was not asked for yet. */
  async connected(): Promise<ServiceEnd> {
    for (;;) {
      const end = this.#ends.shift();
      if (end !== undefined) return end;
      await this.#change();
    }
  }

  /** Resolves when there were so many upgrades. */
  async upgraded(count: number): Promise<void> {
    while (this.upgrades < count) await this.#change();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changed = resolve;
    await promise;
  }
}
