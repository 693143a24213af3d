import type { CallOutcome } from "../core/client-call.ts";
import type { Clock } from "../core/clock.ts";
import { EncodedMessage } from "../core/encoded-message.ts";
import type { EmitEvent } from "../core/events.ts";
import type { Router } from "../core/ports.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { ConnectionType, type ServiceMessage } from "../protocol/service-message.ts";
import type { ClientLine } from "./client-line.ts";
import { encodedPayload } from "./multicast.ts";
import type { ServerConnection } from "./server-connection.ts";

type MessageOf<Type extends ServiceMessage["type"]> = Extract<ServiceMessage, { readonly type: Type }>;
type Invocation = MessageOf<"clientInvocation">;

/**
 * The SDK waits for an answer only some moments after it has asked, and loses what comes before. So a client that was asked is
 * not read, and what the service itself can answer is held back, for so long. docs/spec/service-protocol.md §6.2
 */
const ANSWER_DELAY_MS = 20;

/** What client results need of the rest of the node. */
export interface ClientResultsOptions {
  readonly router: Router;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** What app servers are told to be the owner of the clients. */
  readonly instanceId: string;
  readonly timeoutMs: number;
  /** Calls that may wait at once. */
  readonly maxPending: number;
  readonly lineOf: (hub: string, connectionId: string) => ClientLine | undefined;
  readonly connectionOf: (hub: string, serverId: string) => ServerConnection | undefined;
}

/** Who asks whom. */
interface Call {
  /** The connection that asked; where it has gone, another of its app server will do. */
  readonly caller: ServerConnection;
  readonly invocationId: string;
  readonly connectionId: string;
}

/** A call of an app server that is not answered. */
interface PendingCall extends Call {
  readonly startedAtMs: number;
  /** Where the service itself waits for the client: ends that. */
  readonly abort: AbortController | undefined;
}

/**
 * App servers that call methods of clients and wait for the result, whichever app server a client is on, or none.
 * The client's own app server reads its answer and sends it back; what is pending here decides who gets it.
 * docs/spec/service-protocol.md §6
 */
export class ClientResults {
  readonly #options: ClientResultsOptions;
  /** By invocation id, the oldest first. */
  readonly #pending = new Map<string, PendingCall>();
  readonly #byClient = new Map<string, Set<PendingCall>>();
  /** What is to be done when the time has come, in order. */
  #delayed: { readonly run: () => void; readonly dueMs: number }[] = [];
  #timer: Disposable | undefined;

  constructor(options: ClientResultsOptions) {
    this.#options = options;
  }

  /** Calls that wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** An app server calls a method of a client. */
  invoke(caller: ServerConnection, message: Invocation): void {
    const { invocationId, connectionId } = message;
    const refuse = (error: string): void => this.#fail({ caller, invocationId, connectionId }, error);
    if (this.#pending.has(invocationId)) return refuse("The invocation id is in use.");
    if (this.#pending.size >= this.#options.maxPending)
      return refuse("Too many invocations wait for clients' results.");
    const line = this.#options.lineOf(caller.hub, connectionId);
    if (line === undefined) this.#invokeByService(caller, message);
    else this.#invokeByLine(caller, line, message);
  }

  /** An app server has read a client's answer. */
  completed(router: ServerConnection, message: MessageOf<"clientCompletion">): void {
    const call = this.#answered(router, message.invocationId);
    if (call === undefined || message.payload.length === 0) return;
    this.#answer(call, message.protocol, message.payload);
  }

  /** An app server says that there will be no answer. */
  failed(router: ServerConnection, message: MessageOf<"errorCompletion">): void {
    const call = this.#answered(router, message.invocationId);
    if (call !== undefined) this.#fail(call, message.error);
  }

  /** A client of an app server is gone, with all that it might have answered. */
  clientGone({ client }: ClientLine): void {
    for (const call of this.#byClient.get(client.id) ?? []) {
      this.#forget(call);
      this.#fail(call, `Connection '${client.id}' is disconnected.`);
    }
  }

  /** A client has moved: its answers will be read by its new app server. */
  migrated({ client, server }: ClientLine, from: ServerConnection): void {
    for (const call of this.#byClient.get(client.id) ?? []) {
      // What the old one asked itself it has given up.
      if (call.caller.serverId === from.serverId) this.#forget(call);
      else this.#introduce(call, server);
    }
  }

  /** An app server has no connection of the hub any more. */
  serverGone(hub: string, serverId: string): void {
    for (const call of this.#pending.values())
      if (call.caller.hub === hub && call.caller.serverId === serverId) this.#forget(call);
  }

  tick(nowMs: number): void {
    const { timeoutMs } = this.#options;
    for (const call of this.#pending.values()) {
      if (nowMs - call.startedAtMs < timeoutMs) return;
      this.#forget(call);
      this.#fail(
        call,
        `Connection '${call.connectionId}' did not answer within ${timeoutMs / 1000} seconds.`,
      );
    }
  }

  /** Ends everything. */
  clear(): void {
    for (const call of this.#pending.values()) this.#forget(call);
    this.#delayed = [];
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #invokeByLine(caller: ServerConnection, line: ClientLine, message: Invocation): void {
    const { client, server } = line;
    const { invocationId, connectionId } = message;
    const bytes = encodedPayload(message.payload)[client.protocol.name];
    if (bytes === undefined)
      return this.#fail({ caller, invocationId, connectionId }, notEncoded(client.protocol.name));
    const call = this.#add({ caller, invocationId, connectionId }, undefined);
    if (server.serverId !== caller.serverId) {
      this.#introduce(call, server);
      const { instanceId } = this.#options;
      if (caller.type !== ConnectionType.weak)
        caller.send({ type: "serviceMapping", invocationId, connectionId, instanceId });
    }
    client.send(new EncodedMessage(bytes, client.protocol.transferFormat));
    line.pause();
    this.#later(() => line.unpause());
  }

  /** Tells an app server of an answer that will come through it, so that it knows it for one. */
  #introduce(call: PendingCall, router: ServerConnection): void {
    router.send({ type: "clientInvocation", ...addressOf(call), payload: [] });
  }

  /** The client has no app server: the service calls it, and reads the answer itself. */
  #invokeByService(caller: ServerConnection, { invocationId, connectionId, payload }: Invocation): void {
    const abort = new AbortController();
    const call = this.#add({ caller, invocationId, connectionId }, abort);
    const method = { encoded: encodedPayload(payload) };
    void this.#options.router
      .invoke({ hub: caller.hub, connectionId, method, signal: abort.signal })
      .then((outcome) => this.#served(call, outcome));
  }

  #served(call: PendingCall, outcome: CallOutcome): void {
    if (this.#pending.get(call.invocationId) !== call) return;
    this.#forget(call);
    if (outcome.outcome !== "completed") return this.#fail(call, errorOf(outcome, call.connectionId));
    const { protocol, bytes } = outcome;
    const payload = hubProtocols[protocol].withInvocationId(bytes, call.invocationId);
    this.#later(() => this.#answer(call, protocol, payload));
  }

  #add(asked: Call, abort: AbortController | undefined): PendingCall {
    const call = { ...asked, startedAtMs: this.#options.clock.monotonicMs(), abort };
    const { invocationId, connectionId } = call;
    this.#pending.set(invocationId, call);
    const calls = this.#byClient.get(connectionId);
    if (calls === undefined) this.#byClient.set(connectionId, new Set([call]));
    else calls.add(call);
    return call;
  }

  #forget(call: PendingCall): void {
    this.#pending.delete(call.invocationId);
    const calls = this.#byClient.get(call.connectionId);
    if (calls?.delete(call) && calls.size === 0) this.#byClient.delete(call.connectionId);
    call.abort?.abort();
  }

  /** Takes the call that an app server answers: only the client's own app server may. */
  #answered(router: ServerConnection, invocationId: string): PendingCall | undefined {
    const call = this.#pending.get(invocationId);
    if (call === undefined || call.caller.hub !== router.hub) return undefined;
    const line = this.#options.lineOf(router.hub, call.connectionId);
    if (line?.server.serverId !== router.serverId) return undefined;
    this.#forget(call);
    return call;
  }

  /** Whom it is for is known here: the router's word for it is its own name. */
  #answer(call: Call, protocol: string, payload: Buffer): void {
    const message = { type: "clientCompletion", ...addressOf(call), protocol, payload } as const;
    this.#connectionOf(call.caller)?.send(message);
  }

  #fail(call: Call, error: string): void {
    this.#later(() =>
      this.#connectionOf(call.caller)?.send({ type: "errorCompletion", ...addressOf(call), error }),
    );
  }

  #later(run: () => void): void {
    const { clock } = this.#options;
    this.#delayed.push({ run, dueMs: clock.monotonicMs() + ANSWER_DELAY_MS });
    this.#timer ??= clock.every(ANSWER_DELAY_MS / 2, () => this.#runDue());
  }

  #runDue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const waiting = this.#delayed.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#delayed.splice(0, waiting < 0 ? this.#delayed.length : waiting);
    for (const { run } of due) run();
    if (this.#delayed.length > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #connectionOf(caller: ServerConnection): ServerConnection | undefined {
    return caller.isOpen ? caller : this.#options.connectionOf(caller.hub, caller.serverId);
  }
}

/** What every message about a call says of it. */
function addressOf({ caller, invocationId, connectionId }: Call): {
  readonly invocationId: string;
  readonly connectionId: string;
  readonly callerServerId: string;
} {
  return { invocationId, connectionId, callerServerId: caller.serverId };
}

function notEncoded(protocol: string): string {
  return `The invocation has no message in the client's hub protocol '${protocol}'.`;
}

function errorOf(outcome: Exclude<CallOutcome, { outcome: "completed" }>, connectionId: string): string {
  switch (outcome.outcome) {
    case "notConnected":
      return `Connection '${connectionId}' does not exist.`;
    case "notEncoded":
      return notEncoded(outcome.protocol);
    case "busy":
      return "Too many invocations wait for clients' results.";
    default:
      return outcome.error;
  }
}
