import { handshakeReply } from "../protocol/handshake.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { ClientSessions } from "./client-sessions.ts";
import { CLOSED, type Conversation, type ConversationHost, detailed } from "./conversation.ts";
import { EncodedMessage } from "./encoded-message.ts";
import type { ClientIdentity } from "./identity.ts";
import type { LocalRouter } from "./local-router.ts";
import type { CloseReason, ConnectRequest, RelayBackend, RelayedClient, RelayLine } from "./ports.ts";

const RECORD_SEPARATOR = 0x1e;

/** What a conversation passes on needs besides its host. */
export interface RelayOptions {
  readonly backend: RelayBackend;
  readonly router: LocalRouter;
  /** What the client connected with. */
  readonly request: ConnectRequest;
  /** Whether the client has stateful reconnect: its messages are counted then, and told apart. */
  readonly isStateful: boolean;
  readonly maxMessageBytes: number;
  readonly sessions: Pick<ClientSessions, "receivedMessages">;
}

/**
 * An app server speaks the hub protocol with the client: the handshake, pings and all messages are passed on as they are, both
 * ways. Of what is passed on only the frames are looked for; messages are read where the service has a part in them.
 */
export class RelayedConversation implements Conversation, RelayedClient {
  readonly maxMessageBytes: number;
  readonly #host: ConversationHost;
  readonly #options: RelayOptions;
  #line: RelayLine | undefined;
  /** The handshake's answer, while it comes in pieces. */
  #answer: Buffer | undefined;
  #isAnswered = false;

  constructor(host: ConversationHost, options: RelayOptions) {
    this.#host = host;
    this.#options = options;
    this.maxMessageBytes = options.maxMessageBytes;
  }

  open(handshake: Buffer): void {
    const { backend, request, isStateful } = this.#options;
    const { client } = this.#host;
    const line = backend.open({ client, request, handshake, isStateful, relayed: this });
    if ("refused" in line)
      return this.#host.refuse(handshakeReply(line.refused), {
        category: "NoAvailableServerConnection",
        message: line.refused,
        allowReconnect: true,
      });
    this.#line = line;
  }

  read(bytes: Buffer, start: number): number {
    const { client } = this.#host;
    const { protocol } = client;
    const { isStateful, router, sessions } = this.#options;
    const mustRead = isStateful || router.awaitsAnswer(client);
    let at = start;
    let passed = start;
    while (at < bytes.length) {
      const end = protocol.findEnd(bytes, at, this.maxMessageBytes);
      if (end < 0) break;
      sessions.receivedMessages++;
      if (mustRead) {
        const message = protocol.read(bytes, at, end);
        const isTaken = this.#host.takes(message);
        if (this.#host.isClosed) return bytes.length;
        if (isTaken || isStateful) {
          this.#pass(bytes, passed, at);
          if (!isTaken) this.#passMessage(message);
          passed = end;
        }
      }
      at = end;
    }
    this.#pass(bytes, passed, at);
    return at;
  }

  tick(): void {
    // The app server pings, and judges the client's silence.
  }

  reattached(): void {
    this.#line?.reattached();
  }

  renewed(before: ClientIdentity): void {
    this.#line?.renewed(before.claims);
  }

  closed(reason: CloseReason): void {
    this.#line?.closed(reason);
    this.#line = undefined;
  }

  receive(bytes: Buffer, isCounted: boolean | undefined): void {
    if (this.#host.isClosed) return;
    const messages = this.#isAnswered ? bytes : this.#readAnswer(bytes);
    if (messages === undefined || messages.length === 0 || this.#host.isClosed) return;
    if (!this.#options.isStateful) this.#send(messages, 1);
    else if (isCounted === undefined) this.#sendEach(messages);
    else if (isCounted) this.#send(messages, 1);
    else this.#host.tell(messages);
  }

  close(reason: CloseReason): void {
    this.#host.endQuietly(reason);
  }

  end(reason: CloseReason): void {
    this.#host.end(reason);
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  pause(): void {
    this.#host.pause();
  }

  resume(): void {
    this.#host.resume();
  }

  #pass(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.#line?.send(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), undefined);
    this.#pauseIfCongested();
  }

  #passMessage({ type, error, bytes }: HubMessage): void {
    this.#line?.send(bytes, type);
    this.#pauseIfCongested();
    if (type === HubMessageType.close)
      this.#host.endQuietly({
        category: "Normal",
        message: error ?? "The client closed.",
        allowReconnect: false,
      });
  }

  #pauseIfCongested(): void {
    if (this.#line?.isCongested) this.#host.pause();
  }

  /** Takes the handshake's answer; returns what comes behind it, `undefined` while it is incomplete. */
  #readAnswer(bytes: Buffer): Buffer | undefined {
    const all = this.#answer === undefined ? bytes : Buffer.concat([this.#answer, bytes]);
    const end = all.indexOf(RECORD_SEPARATOR) + 1;
    if (end === 0) {
      if (all.length > this.maxMessageBytes) this.#broken("The handshake's answer has no end.");
      this.#answer = all === bytes ? Buffer.from(bytes) : all;
      return undefined;
    }
    this.#answer = undefined;
    const answer = all.subarray(0, end);
    if (isRefusal(answer)) {
      this.#host.refuse(answer, {
        category: "HandshakeError",
        message: "The app server refused the handshake.",
        allowReconnect: false,
      });
      return undefined;
    }
    this.#isAnswered = true;
    this.#host.accept(answer);
    this.#host.release();
    return all.subarray(end);
  }

  /** Messages of an app server that does not say what they are. */
  #sendEach(bytes: Buffer): void {
    const { protocol } = this.#host.client;
    try {
      for (let at = 0; at < bytes.length; ) {
        const end = protocol.findEnd(bytes, at, Infinity);
        const { type, bytes: message } = protocol.read(bytes, at, end < 0 ? bytes.length : end);
        if (type <= HubMessageType.cancelInvocation) this.#send(message, 1);
        else this.#host.tell(message);
        at += message.length;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#broken("The app server sent what is no hub message.");
    }
  }

  #send(bytes: Buffer, count: number): void {
    const { client } = this.#host;
    client.send(new EncodedMessage(bytes, client.protocol.transferFormat, count));
  }

  #broken(what: string): void {
    this.#host.endTelling(
      { category: "ServiceTransientError", message: what, allowReconnect: true },
      detailed(this.#host.client, CLOSED, what),
    );
  }
}

/** Whether the answer to a handshake has an error. */
function isRefusal(answer: Buffer): boolean {
  if (answer.length === 3) return false; // {} and the separator
  try {
    const { error } = JSON.parse(answer.toString("utf8", 0, answer.length - 1)) as { error?: unknown };
    return typeof error === "string" && error !== "";
  } catch {
    return true;
  }
}
