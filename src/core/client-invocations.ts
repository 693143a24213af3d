import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import type { Client } from "./client.ts";
import { type CallOutcome, type ClientMethod, encodeCall } from "./client-call.ts";
import type { Clock } from "./clock.ts";
import type { EmitEvent } from "./events.ts";
import type { Sweepable } from "./sweep.ts";

export interface ClientInvocationsOptions {
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** How long a client may take to answer. */
  readonly timeoutMs: number;
  /** Calls that may wait for clients at once. */
  readonly maxPending: number;
}

/** A call that the client has not answered. */
interface PendingCall {
  readonly client: Client;
  readonly invocationId: string;
  readonly startedAtMs: number;
  readonly settle: (outcome: CallOutcome) => void;
}

/**
 * The methods of clients that were called and not answered yet. A client can answer what it was asked and nothing
 * else: answers are looked up among the calls of the very client that they come from. What is late or comes twice
 * finds no call any more.
 */
export class ClientInvocations implements Sweepable {
  readonly #options: ClientInvocationsOptions;
  readonly #byClient = new Map<Client, Map<string, PendingCall>>();
  /** The same calls, the oldest first: all may take equally long. */
  readonly #pending = new Set<PendingCall>();
  #lastId = 0;

  constructor(options: ClientInvocationsOptions) {
    this.#options = options;
  }

  /** Calls that wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** Calls a method of a client and resolves to what came of it; never rejects. */
  invoke(client: Client, method: ClientMethod, signal: AbortSignal): Promise<CallOutcome> {
    if (signal.aborted) return Promise.resolve(ABANDONED);
    if (this.#pending.size >= this.#options.maxPending) {
      this.#tell(client, "busy");
      return Promise.resolve({ outcome: "busy" });
    }
    // As ASP.NET Core's: clients use numbers for the streams that they send, and complete those too.
    const invocationId = `s${++this.#lastId}`;
    const message = encodeCall(method, client.protocol, invocationId);
    if (message === undefined)
      return Promise.resolve({ outcome: "notEncoded", protocol: client.protocol.name });
    return new Promise((resolve) => {
      const abandon = (): void => this.#end(call, ABANDONED);
      const call: PendingCall = {
        client,
        invocationId,
        startedAtMs: this.#options.clock.monotonicMs(),
        settle: (outcome) => {
          signal.removeEventListener("abort", abandon);
          resolve(outcome);
        },
      };
      signal.addEventListener("abort", abandon);
      this.#add(call);
      client.send(message);
    });
  }

  /** Whether one of these calls waits for the client. */
  awaits(client: Client): boolean {
    return this.#byClient.has(client);
  }

  /** Takes a message of a client if it answers one of these calls; any other is left to whoever wants it. */
  take(client: Client, { type, invocationId = "", error, value, bytes }: HubMessage): boolean {
    if (type !== HubMessageType.completion) return false;
    const call = this.#byClient.get(client)?.get(invocationId);
    if (call === undefined) return false;
    if (error === undefined) this.#end(call, completed(client, bytes, value));
    else this.#end(call, { outcome: "failed", error });
    return true;
  }

  /** The client is gone, with all that it might have answered. */
  left(client: Client): void {
    const calls = this.#byClient.get(client);
    if (calls === undefined) return;
    for (const call of calls.values())
      this.#end(call, { outcome: "disconnected", error: `Connection '${client.id}' disconnected.` });
  }

  tick(nowMs: number): void {
    const { timeoutMs } = this.#options;
    for (const call of this.#pending) {
      if (nowMs - call.startedAtMs < timeoutMs) return;
      const error = `Connection '${call.client.id}' did not answer within ${timeoutMs / 1000} seconds.`;
      this.#end(call, { outcome: "timedOut", error });
    }
  }

  #add(call: PendingCall): void {
    this.#pending.add(call);
    const calls = this.#byClient.get(call.client);
    if (calls === undefined) this.#byClient.set(call.client, new Map([[call.invocationId, call]]));
    else calls.set(call.invocationId, call);
  }

  #end(call: PendingCall, outcome: CallOutcome): void {
    const { client, invocationId, settle } = call;
    this.#pending.delete(call);
    const calls = this.#byClient.get(client);
    if (calls?.delete(invocationId) && calls.size === 0) this.#byClient.delete(client);
    if (outcome.outcome !== "completed" && outcome.outcome !== "failed") this.#tell(client, outcome.outcome);
    settle(outcome);
  }

  #tell({ origin: { hub, connectionId } }: Client, outcome: CallOutcome["outcome"]): void {
    this.#options.emit({ name: "client.call_unanswered", hub, connectionId, outcome });
  }
}

const ABANDONED: CallOutcome = { outcome: "abandoned", error: "The caller has gone." };

/** Copied, as the message is a view into what was read. */
function completed(client: Client, bytes: Buffer, value: Buffer | undefined): CallOutcome {
  const copy = Buffer.from(bytes);
  const start = value === undefined ? 0 : value.byteOffset - bytes.byteOffset;
  const result = value && copy.subarray(start, start + value.length);
  return { outcome: "completed", protocol: client.protocol.name, bytes: copy, result };
}
