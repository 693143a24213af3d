import { randomUUID } from "node:crypto";
import type { HubMessage } from "../protocol/hub-protocol.ts";
import { hubProtocolNamed } from "../protocol/hub-protocols.ts";
import type { ServiceMessage } from "../protocol/service-message.ts";
import { HubError } from "./errors.ts";
import { type HubCodec, hubCodecs } from "./hub-codec.ts";

type ClientInvocation = Extract<ServiceMessage, { type: "clientInvocation" }>;
type ClientCompletion = Extract<ServiceMessage, { type: "clientCompletion" }>;
type ErrorCompletion = Extract<ServiceMessage, { type: "errorCompletion" }>;

/** A call that another app server makes of a client of ours. */
export interface RoutedCall {
  readonly invocationId: string;
  readonly connectionId: string;
  readonly callerServerId: string;
}

interface Call {
  readonly connectionId: string;
  readonly startedAtMs: number;
  /** Of the service, that the client is connected to. */
  instanceId?: string;
  readonly result: PromiseWithResolvers<unknown>;
}

/** Who answered a call of ours, or of another app server. */
export type AnsweredCall = "ours" | RoutedCall | undefined;

/**
 * Methods of clients that were called and not answered yet: our own calls, of any client of the hub, and other app servers' calls of
 * clients of ours; docs/spec/service-protocol.md §6.2. A client answers what it was asked and nothing else.
 */
export class ClientResults {
  readonly #timeoutMs: number;
  readonly #calls = new Map<string, Call>();
  readonly #routed = new Map<string, RoutedCall & { readonly startedAtMs: number }>();
  /** Calls of both kinds by client. */
  readonly #byClient = new Map<string, Set<string>>();
  readonly #prefix: string = randomUUID().replaceAll("-", "");
  #lastId = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Calls that wait, of both kinds. */
  get size(): number {
    return this.#calls.size + this.#routed.size;
  }

  /** A new call of ours: its id, and what comes of it. */
  expect(connectionId: string, nowMs: number): { invocationId: string; result: Promise<unknown> } {
    const invocationId = `${connectionId}-${this.#prefix}-${++this.#lastId}`;
    const result = Promise.withResolvers<unknown>();
    this.#calls.set(invocationId, { connectionId, startedAtMs: nowMs, result });
    this.#remember(connectionId, invocationId);
    return { invocationId, result: result.promise };
  }

  /** Gives up a call that could not be made. */
  forget(invocationId: string): void {
    this.#take(invocationId);
  }

  /** Another app server has called a client of ours. */
  route({ invocationId, connectionId, callerServerId }: ClientInvocation, nowMs: number): void {
    this.#routed.set(invocationId, { invocationId, connectionId, callerServerId, startedAtMs: nowMs });
    this.#remember(connectionId, invocationId);
  }

  /** Takes a Completion of a client of ours; `undefined` where it answers none of the calls. */
  answered(connectionId: string, message: HubMessage, codec: HubCodec): AnsweredCall {
    const { invocationId = "" } = message;
    if (this.#calls.get(invocationId)?.connectionId === connectionId) {
      const call = this.#take(invocationId);
      if (call !== undefined) settle(call, message, codec);
      return "ours";
    }
    const routed = this.#routed.get(invocationId);
    if (routed?.connectionId !== connectionId) return undefined;
    this.#routed.delete(invocationId);
    this.#unremember(connectionId, invocationId);
    return routed;
  }

  /** A client of another app server has answered. */
  completed({ invocationId, connectionId, protocol, payload }: ClientCompletion): void {
    const call = this.#takeOf(connectionId, invocationId);
    if (call === undefined) return;
    try {
      const name = hubProtocolNamed(protocol)?.name;
      const codec = name === "json" || name === "messagepack" ? hubCodecs[name] : undefined;
      if (codec === undefined)
        throw new HubError(`The client answered in '${protocol}', which is not spoken here.`);
      const end = codec.protocol.findEnd(payload, 0, Infinity);
      settle(call, codec.protocol.read(payload, 0, end), codec);
    } catch (error) {
      call.result.reject(error);
    }
  }

  /** The service says why there is no answer. */
  failed({ invocationId, connectionId, error }: ErrorCompletion): void {
    this.#takeOf(connectionId, invocationId)?.result.reject(new HubError(error));
  }

  /** Which instance of the service a called client is connected to. */
  mapped(invocationId: string, instanceId: string): void {
    const call = this.#calls.get(invocationId);
    if (call !== undefined) call.instanceId = instanceId;
  }

  /** An instance of the service is gone. */
  instanceLost(instanceId: string): void {
    for (const [invocationId, call] of this.#calls)
      if (call.instanceId === instanceId)
        this.#fail(invocationId, `Connection '${call.connectionId}' disconnected.`);
  }

  /** A client of ours has gone. */
  clientGone(connectionId: string): void {
    for (const invocationId of this.#byClient.get(connectionId) ?? []) {
      this.#routed.delete(invocationId);
      this.#fail(invocationId, `Connection '${connectionId}' disconnected.`);
    }
    this.#byClient.delete(connectionId);
  }

  /** Nobody can answer any more. */
  disconnected(): void {
    for (const invocationId of this.#calls.keys())
      this.#fail(invocationId, "The app server has lost its connection to the service.");
  }

  tick(nowMs: number): void {
    for (const [invocationId, { startedAtMs, connectionId }] of this.#calls) {
      if (nowMs - startedAtMs <= this.#timeoutMs) break; // the oldest come first
      this.#fail(
        invocationId,
        `Connection '${connectionId}' did not answer within ${this.#timeoutMs / 1_000} seconds.`,
      );
    }
    for (const [invocationId, { startedAtMs, connectionId }] of this.#routed) {
      if (nowMs - startedAtMs <= this.#timeoutMs) break;
      this.#routed.delete(invocationId);
      this.#unremember(connectionId, invocationId);
    }
  }

  #takeOf(connectionId: string, invocationId: string): Call | undefined {
    return this.#calls.get(invocationId)?.connectionId === connectionId
      ? this.#take(invocationId)
      : undefined;
  }

  #take(invocationId: string): Call | undefined {
    const call = this.#calls.get(invocationId);
    if (call === undefined) return undefined;
    this.#calls.delete(invocationId);
    this.#unremember(call.connectionId, invocationId);
    return call;
  }

  #fail(invocationId: string, why: string): void {
    this.#take(invocationId)?.result.reject(new HubError(why));
  }

  #remember(connectionId: string, invocationId: string): void {
    const ids = this.#byClient.get(connectionId);
    if (ids === undefined) this.#byClient.set(connectionId, new Set([invocationId]));
    else ids.add(invocationId);
  }

  #unremember(connectionId: string, invocationId: string): void {
    const ids = this.#byClient.get(connectionId);
    if (ids?.delete(invocationId) && ids.size === 0) this.#byClient.delete(connectionId);
  }
}

function settle({ result }: Call, { error, value }: HubMessage, codec: HubCodec): void {
  if (error !== undefined) return result.reject(new HubError(error));
  try {
    result.resolve(value === undefined ? undefined : codec.read(value));
  } catch (cause) {
    result.reject(new HubError("The client's result cannot be read.", { cause }));
  }
}
