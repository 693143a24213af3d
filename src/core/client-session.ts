import { handshakeReply, readHandshakeRequest } from "../protocol/handshake.ts";
import { type HubMessage, HubMessageType, type HubProtocol } from "../protocol/hub-protocol.ts";
import { hubProtocolNamed } from "../protocol/hub-protocols.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { Client, type ClientOrigin } from "./client.ts";
import type { ClientSessions } from "./client-sessions.ts";
import { EncodedMessage } from "./encoded-message.ts";
import type { ClientBackend, ClientTransport, CloseReason } from "./ports.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import { Resumption } from "./resumption.ts";

const RECORD_SEPARATOR = 0x1e;
const MAX_HUB_PROTOCOL_VERSION = 2;
/** ASP.NET's texts. */
const CANCELED = "Handshake was canceled.";
const CLOSED = "Connection closed with an error.";
/** How long a stateful client may take to say anything after the handshake before messages go to it anyway. */
const HOLD_MS = 1_000;
/** How long a stateful client may leave too many bytes unacknowledged. */
const ACKNOWLEDGE_MS = 5_000;

/** What a transport must tell to start a session. */
export interface SessionStart {
  readonly origin: ClientOrigin;
  readonly transport: ClientTransport;
  readonly backend: ClientBackend;
  /** Whether negotiate granted stateful reconnect. */
  readonly statefulReconnect: boolean;
  /** Told once, when the session is over. */
  readonly onEnded?: () => void;
}

/**
 * The life of one client: handshake, registration with its hub, messages until it is closed, and *always* `#leave`
 * at the end, whichever side ended it. Transports feed it; it never reads a socket or a clock itself.
 */
export class ClientSession {
  readonly #sessions: ClientSessions;
  readonly #origin: ClientOrigin;
  readonly #backend: ClientBackend;
  readonly #onEnded: (() => void) | undefined;
  readonly #startedAtMs: number;
  #state: "handshaking" | "opening" | "open" | "closed" = "handshaking";
  #transport: ClientTransport | undefined;
  #client: Client | undefined;
  #received: ReceiveBuffer | undefined;
  #resumption: Resumption | undefined;
  #mayResume: boolean;
  #pingedAtMs: number;
  /** When the client was last heard; `undefined` until its first ping, which is what arms its timeout. */
  #heardAtMs: number | undefined;
  #detachedAtMs: number | undefined;
  #overfullSinceMs: number | undefined;
  #isHolding = false;
  #wasOpened = false;

  constructor(sessions: ClientSessions, start: SessionStart) {
    this.#sessions = sessions;
    this.#origin = start.origin;
    this.#backend = start.backend;
    this.#onEnded = start.onEnded;
    this.#transport = start.transport;
    this.#mayResume = start.statefulReconnect;
    this.#startedAtMs = sessions.nowMs;
    this.#pingedAtMs = sessions.nowMs;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Whether its client got as far as its hub. */
  get wasOpened(): boolean {
    return this.#wasOpened;
  }

  /** Bytes of the client, in any pieces. `chunk` is not kept after the call. */
  receive(chunk: Buffer): void {
    if (this.#state === "closed") return;
    if (this.#received !== undefined) {
      this.#received.append(chunk);
      if (this.#state === "opening") return this.#limitWhileOpening();
      if (this.#client?.protocol.name !== "messagepack" && !chunk.includes(RECORD_SEPARATOR))
        return this.#limitUnfinishedRecord(this.#received.length);
    }
    const bytes = this.#received?.bytes ?? chunk;
    const consumed = this.#consume(bytes);
    if (this.isClosed || consumed === bytes.length) this.#received = undefined;
    else if (this.#received === undefined) this.#received = new ReceiveBuffer(bytes.subarray(consumed));
    else this.#received.consume(consumed);
  }

  /** The transport is gone without the service having closed it. */
  transportClosed(wasClean: boolean, detail: string): void {
    if (this.#state === "closed") return;
    if (this.#mayResume && !wasClean && this.#state !== "opening") {
      this.#transport = undefined;
      this.#detachedAtMs = this.#sessions.nowMs;
      if (this.#client !== undefined) this.#client.transport = undefined;
      return;
    }
    this.#leave({ category: "Normal", message: detail, allowReconnect: false });
  }

  /** More bytes wait in the transport than a client may leave unread. */
  transportOverflowed(limitBytes: number): void {
    this.end({
      category: "SlowClient",
      message: `The client is too slow: more than ${limitBytes} bytes wait for it.`,
      allowReconnect: true,
    });
  }

  /** Whether a new socket may go on with this session. */
  get canReattach(): boolean {
    return this.#mayResume && this.#state !== "closed" && this.#state !== "opening";
  }

  /** Goes on over a new socket; the old one, dead or alive, is dropped. Only while `canReattach`. */
  reattach(transport: ClientTransport): void {
    const old = this.#transport;
    this.#transport = transport;
    this.#detachedAtMs = undefined;
    // What was unfinished is sent again whole.
    this.#received = undefined;
    old?.destroy();
    if (this.#client === undefined || this.#resumption === undefined) return;
    if (this.#heardAtMs !== undefined) this.#heardAtMs = this.#sessions.nowMs;
    this.#pingedAtMs = this.#sessions.nowMs;
    // It could not acknowledge without a socket.
    this.#overfullSinceMs = undefined;
    const { sequenceId, messages } = this.#resumption.replay();
    this.#tell(this.#client.protocol.sequence(sequenceId), this.#client.protocol);
    for (const message of messages) transport.send(message);
    if (this.isClosed) return; // All that was too much for the new socket.
    this.#client.transport = transport;
    transport.flush();
    this.#sessions.emit({
      name: "client.reattached",
      hub: this.#origin.hub,
      connectionId: this.#origin.connectionId,
    });
  }

  /** Everything that happens by time; called about once a second. */
  tick(nowMs: number): void {
    if (this.#state !== "open") {
      const limitMs = this.#origin.identity.handshakeTimeoutMs ?? this.#sessions.timeouts.handshakeMs;
      if (nowMs - this.#startedAtMs >= limitMs) return this.#refuse(CANCELED, "handshake timeout");
    }
    if (
      this.#detachedAtMs !== undefined &&
      nowMs - this.#detachedAtMs >= this.#sessions.timeouts.disconnectMs
    )
      return this.#leave({
        category: "Normal",
        message: "The client did not reconnect in time.",
        allowReconnect: false,
      });
    const client = this.#client;
    if (client === undefined || this.#state !== "open") return;
    const { closeAtMs } = this.#origin.identity;
    if (closeAtMs !== undefined && this.#sessions.epochMs() >= closeAtMs)
      return this.end({
        category: "Unauthorized",
        message: "The client's authentication expired.",
        allowReconnect: true,
      });
    if (this.#transport === undefined) return;
    const { kind } = this.#transport;
    if (this.#isHolding && nowMs - this.#pingedAtMs >= HOLD_MS) this.#releaseHeld(client);
    if (!this.isClosed && kind !== "LongPolling") this.#keepAlive(client, nowMs);
    if (!this.isClosed) this.#tickResumption(client, nowMs);
  }

  /** Closes the client: it is told with a Close message, its transport ends, its hub forgets it. */
  end(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#endTelling(reason, (this.#origin.identity.detailedErrors && reason.message) || undefined);
  }

  #endTelling(reason: CloseReason, error: string | undefined): void {
    const { protocol } = this.#client ?? {};
    if (this.#state === "open" && protocol !== undefined)
      this.#tell(protocol.close(error, reason.allowReconnect), protocol);
    else this.#tellRefused(this.#detailed(CANCELED, reason.message));
    this.#transport?.close();
    this.#leave(reason);
  }

  /** The only way out, taken once. */
  #leave(reason: CloseReason): void {
    this.#state = "closed";
    this.#transport = undefined;
    this.#received = undefined;
    const client = this.#client;
    if (client !== undefined) {
      client.transport = undefined;
      this.#sessions.router.unregister(client);
      if (this.#wasOpened) this.#backend.closed(client, reason);
    }
    this.#sessions.ended(this, this.#origin, reason);
    this.#onEnded?.();
  }

  #consume(bytes: Buffer): number {
    try {
      let at = 0;
      if (this.#state === "handshaking") at = this.#readHandshake(bytes);
      if (this.#state === "open") at = this.#readMessages(bytes, at);
      return at;
    } catch (error) {
      if (error instanceof ProtocolError) this.#endBroken(error.message);
      else this.#endFailed(error);
      return bytes.length;
    }
  }

  /** A fault of the service costs this client its connection, and no other anything. */
  #endFailed(error: unknown): void {
    const { hub, connectionId } = this.#origin;
    this.#sessions.emit({ name: "client.failed", hub, connectionId, error });
    this.end({ category: "ServiceTransientError", message: "Internal server error.", allowReconnect: true });
  }

  #readHandshake(bytes: Buffer): number {
    const end = bytes.indexOf(RECORD_SEPARATOR);
    const limit = this.#sessions.limits.maxHandshakeBytes;
    if (end < 0 ? bytes.length > limit : end >= limit) {
      this.#refuse(CANCELED, `no handshake within ${limit} bytes`);
      return bytes.length;
    }
    if (end < 0) return 0;
    let request: { protocol: string; version: number };
    try {
      request = readHandshakeRequest(bytes, 0, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const text = "An unexpected error occurred during connection handshake.";
      this.#refuse(this.#detailed(text, error.message), error.message);
      return bytes.length;
    }
    this.#open(request);
    return end + 1;
  }

  #open({ protocol: name, version }: { protocol: string; version: number }): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    const protocol = hubProtocolNamed(name);
    if (protocol === undefined) return this.#refuse(`The protocol '${name}' is not supported.`);
    if (version > MAX_HUB_PROTOCOL_VERSION)
      return this.#refuse(
        `The server does not support version ${version} of the '${protocol.name}' protocol.`,
      );
    if (protocol.transferFormat === "Binary" && transport.kind === "ServerSentEvents")
      return this.#refuse(
        `Cannot use the '${protocol.name}' protocol on the current transport. The transport does not support 'Binary' transfer format.`,
      );
    this.#mayResume &&= version >= 2 && transport.kind === "WebSockets";
    if (this.#mayResume) this.#resumption = new Resumption();
    const client = new Client(
      this.#origin,
      protocol,
      { transport, resumption: this.#resumption, maxBufferedBytes: this.#sessions.limits.maxBufferedBytes },
      this,
    );
    const { userId } = client;
    if (userId === undefined) return this.#opened(client, []);
    // Registered before the store is asked: a membership added meanwhile finds the client.
    this.#state = "opening";
    this.#client = client;
    this.#sessions.router.register(client, []);
    this.#sessions.groupsOf(this.#origin.hub, userId).then(
      (groups) => {
        if (this.isClosed) return;
        this.#opened(client, groups);
        this.#readWhatCameMeanwhile();
      },
      (error: unknown) => {
        this.#sessions.emit({ name: "store.failed", error });
        this.end({
          category: "BadRequest",
          message: "The user's groups could not be read.",
          allowReconnect: true,
        });
      },
    );
  }

  #opened(client: Client, groups: readonly string[]): void {
    this.#state = "open";
    this.#client = client;
    this.#pingedAtMs = this.#sessions.nowMs;
    this.#sessions.router.register(client, groups);
    this.#tell(handshakeReply(), client.protocol);
    this.#wasOpened = true;
    this.#sessions.opened(this.#origin, this.#transport?.kind ?? "WebSockets", client.protocol.name);
    this.#backend.opened(client);
    // A stateful JavaScript client does not count messages that come together with the handshake's reply,
    // and is then given one twice after a reconnect: they wait for its first word. docs/spec/client-endpoint.md §3.10.
    if (this.#resumption === undefined) client.release();
    else this.#isHolding = true;
    this.#transport?.flush();
  }

  #readWhatCameMeanwhile(): void {
    const received = this.#received;
    if (received === undefined) return;
    this.#received = undefined;
    this.receive(received.bytes);
    this.#transport?.flush();
  }

  #readMessages(bytes: Buffer, start: number): number {
    const client = this.#client;
    if (client === undefined) return start;
    const { protocol } = client;
    const { maxMessageBytes } = this.#sessions.limits;
    let at = start;
    while (at < bytes.length) {
      const end = protocol.findEnd(bytes, at, maxMessageBytes);
      if (end < 0) break;
      this.#receiveMessage(client, protocol.read(bytes, at, end));
      if (this.isClosed) return bytes.length;
      at = end;
    }
    if (at > start && this.#heardAtMs !== undefined) this.#heardAtMs = this.#sessions.nowMs;
    return at;
  }

  #receiveMessage(client: Client, message: HubMessage): void {
    if (this.#isHolding) this.#releaseHeld(client);
    if (this.isClosed) return;
    switch (message.type) {
      case HubMessageType.ping:
        this.#heardAtMs = this.#sessions.nowMs;
        return;
      case HubMessageType.close:
        return this.#endTelling(
          { category: "Normal", message: message.error ?? "The client closed.", allowReconnect: false },
          undefined,
        );
      case HubMessageType.ack:
        if (this.#resumption?.acknowledged(message.sequenceId ?? 0)) this.#overfullSinceMs = undefined;
        return;
      case HubMessageType.sequence:
        return this.#resumption?.sequence(message.sequenceId ?? 0);
      case HubMessageType.invocation:
      case HubMessageType.streamItem:
      case HubMessageType.completion:
      case HubMessageType.streamInvocation:
      case HubMessageType.cancelInvocation:
        if (this.#resumption?.received() === false || this.#sessions.router.takeAnswer(client, message))
          return;
        this.#backend.received(client, message);
    }
  }

  #releaseHeld(client: Client): void {
    this.#isHolding = false;
    client.release();
  }

  #keepAlive(client: Client, nowMs: number): void {
    const { keepAliveMs, clientMs } = this.#sessions.timeouts;
    if (this.#heardAtMs !== undefined && nowMs - this.#heardAtMs > clientMs)
      return this.#endTelling(
        { category: "PingTimeout", message: "Connection ping timeout", allowReconnect: true },
        this.#detailed(
          CLOSED,
          "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
        ),
      );
    if (nowMs - this.#pingedAtMs < keepAliveMs) return;
    this.#pingedAtMs = nowMs;
    this.#transport?.send(this.#sessions.ping(client.protocol.name));
  }

  #tickResumption(client: Client, nowMs: number): void {
    const resumption = this.#resumption;
    if (resumption === undefined) return;
    const acknowledgement = resumption.takeAcknowledgement();
    if (acknowledgement !== undefined) this.#tell(client.protocol.ack(acknowledgement), client.protocol);
    if (resumption.bufferedBytes <= this.#sessions.limits.statefulReconnectBufferBytes) {
      this.#overfullSinceMs = undefined;
      return;
    }
    this.#overfullSinceMs ??= nowMs;
    if (nowMs - this.#overfullSinceMs >= ACKNOWLEDGE_MS)
      this.end({
        category: "SlowClient",
        message: "The client does not acknowledge messages.",
        allowReconnect: true,
      });
  }

  #limitUnfinishedRecord(length: number): void {
    const { maxHandshakeBytes, maxMessageBytes } = this.#sessions.limits;
    if (this.#state === "handshaking") {
      if (length > maxHandshakeBytes)
        this.#refuse(CANCELED, `no handshake within ${maxHandshakeBytes} bytes`);
    } else if (length > maxMessageBytes) this.#endBroken(tooLarge(maxMessageBytes));
  }

  #limitWhileOpening(): void {
    const { maxMessageBytes } = this.#sessions.limits;
    if ((this.#received?.length ?? 0) > maxMessageBytes) this.#endBroken(tooLarge(maxMessageBytes));
  }

  #endBroken(what: string): void {
    this.#endTelling(
      { category: "BadRequest", message: what, allowReconnect: true },
      this.#detailed(CLOSED, what),
    );
  }

  /** What a client is told, with what went wrong only for those that may know. */
  #detailed(text: string, what: string): string {
    return this.#origin.identity.detailedErrors ? `${text} ${what}` : text;
  }

  /** Ends a client whose handshake failed: it is told so in the handshake's own form. */
  #refuse(error: string, reason: string = error): void {
    const { hub, connectionId } = this.#origin;
    this.#sessions.emit({ name: "client.handshake_failed", hub, connectionId, reason });
    this.#tellRefused(error);
    this.#transport?.close();
    this.#leave({ category: "HandshakeError", message: reason, allowReconnect: false });
  }

  /** The only reply that a client understands before its handshake was accepted. */
  #tellRefused(error: string): void {
    this.#transport?.send(new EncodedMessage(handshakeReply(error), "Text"));
  }

  /** Sends a message that is not trackable. */
  #tell(bytes: Buffer, protocol: HubProtocol): void {
    this.#transport?.send(new EncodedMessage(bytes, protocol.transferFormat));
  }
}

function tooLarge(limit: number): string {
  return `InvalidDataException: The maximum message size of ${limit}B was exceeded. The message size can be configured in AddHubOptions.`;
}
