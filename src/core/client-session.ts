import { type HandshakeRequest, handshakeReply, readHandshakeRequest } from "../protocol/handshake.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import { hubProtocolNamed } from "../protocol/hub-protocols.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { Client, type ClientOrigin } from "./client.ts";
import type { ClientSessions } from "./client-sessions.ts";
import { CLOSED, type Conversation, type ConversationHost } from "./conversation.ts";
import { EncodedMessage } from "./encoded-message.ts";
import { HubConversation } from "./hub-conversation.ts";
import type { ClientIdentity } from "./identity.ts";
import type { ClientBackend, ClientTransport, CloseReason, ConnectRequest } from "./ports.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import { RelayedConversation } from "./relayed-conversation.ts";
import { Resumption } from "./resumption.ts";

const RECORD_SEPARATOR = 0x1e;
const MAX_HUB_PROTOCOL_VERSION = 2;
/** ASP.NET's text. */
const CANCELED = "Handshake was canceled.";
/** How long a stateful client may take to say anything after the handshake before messages go to it anyway. */
const HOLD_MS = 1_000;
/** How long a stateful client may leave too many bytes unacknowledged. */
const ACKNOWLEDGE_MS = 5_000;

/** What a transport must tell to start a session. */
export interface SessionStart {
  readonly origin: ClientOrigin;
  readonly transport: ClientTransport;
  readonly backend: ClientBackend;
  /** What the transport was asked for with. */
  readonly request: ConnectRequest;
  /** Whether negotiate granted stateful reconnect. */
  readonly statefulReconnect: boolean;
  /** Told once, when the session is over. */
  readonly onEnded?: () => void;
}

/**
 * The life of one client: its handshake is read, it is registered with its hub, its messages go to its `Conversation` until it
 * is closed, and *always* `#leave` at the end, whichever side ended it. Transports feed it; it never reads a socket or a clock itself.
 */
export class ClientSession implements ConversationHost {
  readonly #sessions: ClientSessions;
  readonly #origin: ClientOrigin;
  readonly #backend: ClientBackend;
  readonly #onEnded: (() => void) | undefined;
  readonly #startedAtMs: number;
  /** `opening`: its groups are looked up. `answering`: its handshake was passed on. */
  #state: "handshaking" | "opening" | "answering" | "open" | "closed" = "handshaking";
  #request: ConnectRequest | undefined;
  #transport: ClientTransport | undefined;
  #client: Client | undefined;
  #conversation: Conversation | undefined;
  #received: ReceiveBuffer | undefined;
  #resumption: Resumption | undefined;
  #mayResume: boolean;
  #detachedAtMs: number | undefined;
  /** Since when a stateful client's messages wait for its first word. */
  #holdingSinceMs: number | undefined;
  #paused: PromiseWithResolvers<void> | undefined;
  #wasOpened = false;

  constructor(sessions: ClientSessions, start: SessionStart) {
    this.#sessions = sessions;
    this.#origin = start.origin;
    this.#backend = start.backend;
    this.#request = start.request;
    this.#onEnded = start.onEnded;
    this.#transport = start.transport;
    this.#mayResume = start.statefulReconnect;
    this.#startedAtMs = sessions.nowMs;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Whether its client's handshake was accepted. */
  get wasOpened(): boolean {
    return this.#wasOpened;
  }

  /** For the conversation, which begins with the client. */
  get client(): Client {
    return this.#client as Client;
  }

  /** While the client is not to be read: resolves when it is again. */
  get resumed(): Promise<void> | undefined {
    return this.#paused?.promise;
  }

  /** Bytes of the client, in any pieces. `chunk` is not kept after the call. */
  receive(chunk: Buffer): void {
    if (this.#state === "closed") return;
    if (this.#received !== undefined) {
      this.#received.append(chunk);
      if (this.#state === "opening") return this.#limitUnfinished(this.#received.length);
      const isText = this.#client?.protocol.transferFormat !== "Binary";
      if (isText && !chunk.includes(RECORD_SEPARATOR)) return this.#limitUnfinished(this.#received.length);
    }
    const bytes = this.#received?.bytes ?? chunk;
    const consumed = this.#consume(bytes);
    this.#sessions.receivedBytes += consumed;
    if (this.isClosed || consumed === bytes.length) this.#received = undefined;
    else if (this.#received === undefined) this.#received = new ReceiveBuffer(bytes.subarray(consumed));
    else this.#received.consume(consumed);
  }

  /** The transport is gone without the service having closed it. */
  transportClosed(wasClean: boolean, detail: string): void {
    if (this.#state === "closed") return;
    if (this.canReattach && !wasClean) {
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
    return this.#mayResume && (this.#state === "handshaking" || this.#state === "open");
  }

  /** Goes on over a new socket; the old one, dead or alive, is dropped. Only while `canReattach`. */
  reattach(transport: ClientTransport): void {
    const old = this.#transport;
    this.#transport = transport;
    this.#detachedAtMs = undefined;
    // What was unfinished is sent again whole.
    this.#received = undefined;
    old?.destroy();
    if (this.#paused !== undefined) transport.pause();
    if (this.#client === undefined || this.#resumption === undefined) return;
    const { sequenceId, messages } = this.#resumption.replay();
    this.tell(this.#client.protocol.sequence(sequenceId));
    for (const message of messages) transport.send(message);
    if (this.isClosed) return; // All that was too much for the new socket.
    this.#client.transport = transport;
    this.#conversation?.reattached();
    transport.flush();
    this.#sessions.emit({
      name: "client.reattached",
      hub: this.#origin.hub,
      connectionId: this.#origin.connectionId,
    });
  }

  /** The client was authenticated anew, as its origin says by now. */
  renewed(before: ClientIdentity): void {
    this.#conversation?.renewed(before);
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
    if (this.#state === "open") this.#tickOpen(nowMs);
  }

  #tickOpen(nowMs: number): void {
    const { closeAtMs } = this.#origin.identity;
    if (closeAtMs !== undefined && this.#sessions.epochMs() >= closeAtMs)
      return this.end({
        category: "Unauthorized",
        message: "The client's authentication expired.",
        allowReconnect: true,
      });
    if (this.#transport === undefined) return;
    if (this.#holdingSinceMs !== undefined && nowMs - this.#holdingSinceMs >= HOLD_MS) this.#releaseHeld();
    if (!this.isClosed && this.#transport.kind !== "LongPolling") this.#conversation?.tick(nowMs);
    if (!this.isClosed) this.#tickResumption(nowMs);
  }

  end(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.endTelling(reason, (this.#origin.identity.detailedErrors && reason.message) || undefined);
  }

  endTelling(reason: CloseReason, error: string | undefined): void {
    if (this.#state === "open") this.tell(this.client.protocol.close(error, reason.allowReconnect));
    else this.#tellText(handshakeReply(this.#detailed(CANCELED, reason.message)));
    this.endQuietly(reason);
  }

  endQuietly(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#transport?.close();
    this.#leave(reason);
  }

  accept(answer: Buffer): void {
    this.#state = "open";
    this.#wasOpened = true;
    this.tell(answer);
    const { protocol } = this.client;
    this.#sessions.opened(this.#origin, this.#transport?.kind ?? "WebSockets", protocol.name);
  }

  release(): void {
    if (this.isClosed) return;
    // A stateful JavaScript client does not count messages that come together with the handshake's reply,
    // and is then given one twice after a reconnect: they wait for its first word. docs/spec/client-endpoint.md §3.10.
    if (this.#resumption === undefined) this.client.release();
    else this.#holdingSinceMs = this.#sessions.nowMs;
    this.#transport?.flush();
  }

  refuse(answer: Buffer, reason: CloseReason): void {
    const { hub, connectionId } = this.#origin;
    this.#sessions.emit({ name: "client.handshake_failed", hub, connectionId, reason: reason.message });
    this.#tellText(answer);
    this.endQuietly(reason);
  }

  tell(bytes: Buffer): void {
    this.#transport?.send(new EncodedMessage(bytes, this.client.protocol.transferFormat));
  }

  takes(message: HubMessage): boolean {
    if (this.#holdingSinceMs !== undefined) this.#releaseHeld();
    switch (message.type) {
      case HubMessageType.ack:
        this.#resumption?.acknowledged(message.sequenceId ?? 0);
        return true;
      case HubMessageType.sequence:
        this.#resumption?.sequence(message.sequenceId ?? 0);
        return true;
      case HubMessageType.invocation:
      case HubMessageType.streamItem:
      case HubMessageType.completion:
      case HubMessageType.streamInvocation:
      case HubMessageType.cancelInvocation:
        return (
          this.#resumption?.received() === false || this.#sessions.router.takeAnswer(this.client, message)
        );
      default:
        return false;
    }
  }

  pause(): void {
    if (this.#paused !== undefined || this.isClosed) return;
    this.#paused = Promise.withResolvers();
    this.#transport?.pause();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
    this.#transport?.resume();
  }

  /** The only way out, taken once. */
  #leave(reason: CloseReason): void {
    const wasConversing = this.#state === "answering" || this.#state === "open";
    this.#state = "closed";
    this.#transport = undefined;
    this.#received = undefined;
    this.#request = undefined;
    this.resume();
    const client = this.#client;
    if (client !== undefined) {
      client.transport = undefined;
      this.#sessions.router.unregister(client);
    }
    if (wasConversing) this.#conversation?.closed(reason);
    this.#sessions.ended(this, this.#origin, reason);
    this.#onEnded?.();
  }

  #consume(bytes: Buffer): number {
    try {
      const at = this.#state === "handshaking" ? this.#readHandshake(bytes) : 0;
      const isRead = this.#state === "open" || this.#state === "answering";
      return isRead ? (this.#conversation?.read(bytes, at) ?? at) : at;
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
    let request: HandshakeRequest;
    try {
      request = readHandshakeRequest(bytes, 0, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const text = "An unexpected error occurred during connection handshake.";
      this.#refuse(this.#detailed(text, error.message), error.message);
      return bytes.length;
    }
    this.#open(request, bytes.subarray(0, end + 1));
    return end + 1;
  }

  #open({ protocol: name, version }: HandshakeRequest, handshake: Buffer): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    const protocol = hubProtocolNamed(name);
    if (protocol === undefined) return this.#refuse(`The protocol '${name}' is not supported.`);
    if (this.#backend.takes === "messages" && version > MAX_HUB_PROTOCOL_VERSION)
      return this.#refuse(
        `The server does not support version ${version} of the '${protocol.name}' protocol.`,
      );
    if (protocol.transferFormat === "Binary" && transport.kind === "ServerSentEvents")
      return this.#refuse(
        `Cannot use the '${protocol.name}' protocol on the current transport. The transport does not support 'Binary' transfer format.`,
      );
    this.#mayResume &&= version >= 2 && transport.kind === "WebSockets";
    if (this.#mayResume) this.#resumption = new Resumption();
    const { maxBufferedBytes } = this.#sessions.limits;
    const way = { transport, resumption: this.#resumption, maxBufferedBytes };
    const client = new Client(this.#origin, protocol, way, this);
    this.#client = client;
    this.#conversation = this.#newConversation();
    // Registered before the store is asked: a membership added meanwhile finds the client.
    this.#sessions.router.register(client, []);
    const { userId } = client;
    if (userId === undefined) return this.#converse(handshake);
    this.#lookUpGroups(client, userId, Buffer.from(handshake));
  }

  #newConversation(): Conversation {
    const { router, limits } = this.#sessions;
    if (this.#backend.takes === "messages") return new HubConversation(this, this.#backend, this.#sessions);
    return new RelayedConversation(this, {
      backend: this.#backend,
      router,
      request: this.#request as ConnectRequest,
      isStateful: this.#resumption !== undefined,
      maxMessageBytes: limits.maxRelayedMessageBytes,
      sessions: this.#sessions,
    });
  }

  #lookUpGroups(client: Client, userId: string, handshake: Buffer): void {
    this.#state = "opening";
    this.#sessions.groupsOf(this.#origin.hub, userId).then(
      (groups) => {
        if (this.isClosed) return;
        this.#sessions.router.register(client, groups);
        this.#converse(handshake);
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

  #converse(handshake: Buffer): void {
    this.#state = "answering";
    this.#request = undefined;
    this.#conversation?.open(handshake);
  }

  #readWhatCameMeanwhile(): void {
    const received = this.#received;
    if (received === undefined) return;
    this.#received = undefined;
    this.receive(received.bytes);
    this.#transport?.flush();
  }

  #releaseHeld(): void {
    this.#holdingSinceMs = undefined;
    this.client.release();
  }

  #tickResumption(nowMs: number): void {
    const resumption = this.#resumption;
    if (resumption === undefined) return;
    const acknowledgement = resumption.takeAcknowledgement();
    if (acknowledgement !== undefined) this.tell(this.client.protocol.ack(acknowledgement));
    const { statefulReconnectBufferBytes } = this.#sessions.limits;
    if (resumption.overfullMs(statefulReconnectBufferBytes, nowMs) >= ACKNOWLEDGE_MS)
      this.end({
        category: "SlowClient",
        message: "The client does not acknowledge messages.",
        allowReconnect: true,
      });
  }

  #limitUnfinished(length: number): void {
    const { maxHandshakeBytes, maxMessageBytes } = this.#sessions.limits;
    if (this.#state === "handshaking") {
      if (length > maxHandshakeBytes)
        this.#refuse(CANCELED, `no handshake within ${maxHandshakeBytes} bytes`);
      return;
    }
    const limit = this.#conversation?.maxMessageBytes ?? maxMessageBytes;
    if (length > limit) this.#endBroken(tooLarge(limit));
  }

  #endBroken(what: string): void {
    this.endTelling(
      { category: "BadRequest", message: what, allowReconnect: true },
      this.#detailed(CLOSED, what),
    );
  }

  /** What a client is told, with what went wrong only for those that may know. */
  #detailed(text: string, what: string): string {
    return this.#origin.identity.detailedErrors ? `${text} ${what}` : text;
  }

  /** Ends a client whose handshake failed: it is told so in the handshake's own form. */
  #refuse(error: string, message: string = error): void {
    this.refuse(handshakeReply(error), { category: "HandshakeError", message, allowReconnect: false });
  }

  /** A refused handshake is told as text: there is no hub protocol yet. */
  #tellText(bytes: Buffer): void {
    this.#transport?.send(new EncodedMessage(bytes, "Text"));
  }
}

function tooLarge(limit: number): string {
  return `InvalidDataException: The maximum message size of ${limit}B was exceeded. The message size can be configured in AddHubOptions.`;
}
