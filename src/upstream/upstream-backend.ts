import type { Client } from "../core/client.ts";
import type { Clock } from "../core/clock.ts";
import { EncodedMessage } from "../core/encoded-message.ts";
import type { EmitEvent } from "../core/events.ts";
import type { CloseReason, MessageBackend } from "../core/ports.ts";
import type { Template } from "../core/upstream-template.ts";
import { type HubMessage, HubMessageType } from "../protocol/hub-protocol.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type Call, connectedCall, disconnectedCall, messageCall } from "./call.ts";
import { EventTally } from "./event-tally.ts";
import { isPassing, type UpstreamFailure } from "./failure.ts";
import { createHttpAgent, type HttpAnswer } from "./http-call.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { Line } from "./line.ts";
import { RecentHeaders } from "./recent-headers.ts";
import { Route, toldPatterns } from "./route.ts";
import { verdictOn } from "./verdict.ts";

const FLUSH_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const MAX_TOLD_CHARACTERS = 200;
/** Of some thousand connections; a connection with more than usual in its claims and query takes more. */
const RECENT_HEADERS_BYTES = 8_388_608;

/** What webhooks may cost; docs/configuration.md has the meaning of each. */
export interface UpstreamLimits
  extends Pick<LaneOptions, "timeoutMs" | "maxInFlight" | "maxWaiting" | "maxReplyBytes"> {
  readonly maxClientMessages: number;
  readonly maxClientBytes: number;
  readonly maxQueuedBytes: number;
}

export interface UpstreamBackendOptions {
  /** In order: the first that matches an event is called. */
  readonly templates: readonly Template[];
  /** Each signs. */
  readonly accessKeys: readonly string[];
  readonly limits: UpstreamLimits;
  /** How often `connected` and `disconnected` are sent again after a failure that may pass. */
  readonly retries: number;
  /** Whether a client is closed when its `connected` fails. */
  readonly rejectOnConnectedFailure: boolean;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Gets the results of what clients were asked. */
  readonly completed?: (client: Client, message: HubMessage) => void;
}

/**
 * The backend of serverless hubs: webhooks are told of every client's coming and going and of what it invokes.
 * Each client's events are sent in their order and one at a time, different clients' side by side. A client that
 * invokes with an invocation id always gets a completion.
 */
export class UpstreamBackend implements MessageBackend, AsyncDisposable {
  readonly takes = "messages";
  readonly allowsStatefulReconnect = true;
  readonly #options: UpstreamBackendOptions;
  readonly #agent: ReturnType<typeof createHttpAgent>;
  readonly #budget: ByteBudget;
  readonly #headers: RecentHeaders;
  readonly #tally: EventTally;
  /** Clients that have a call under way or waiting; nobody else costs memory. */
  readonly #lines = new Map<Client, Line>();
  #lanes: readonly Lane<Line>[] = [];
  /** The patterns of all templates. */
  #tried = "";
  /** Lanes of templates that are no longer configured, until their last call has ended. */
  readonly #retired = new Set<Lane<Line>>();
  /** Lines whose present call is to be tried again. */
  #retrying: { readonly line: Line; readonly dueMs: number }[] = [];
  #flushedAtMs = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  #isCut = false;

  constructor(options: UpstreamBackendOptions) {
    this.#options = options;
    this.#agent = createHttpAgent(options.limits.maxInFlight);
    this.#budget = new ByteBudget(options.limits.maxQueuedBytes);
    this.#headers = new RecentHeaders(options.accessKeys, RECENT_HEADERS_BYTES);
    this.#tally = new EventTally(options.emit);
    this.useTemplates(options.templates);
  }

  /** Exchanges the templates. What is under way goes on; what waits is matched anew. */
  useTemplates(templates: readonly Template[]): void {
    const { limits, clock } = this.#options;
    const options = { ...limits, clock, agent: this.#agent, budget: this.#budget };
    const routes = templates.map((template, index) => new Route(template, index));
    const old = this.#lanes;
    this.#lanes = routes.map(
      (route) => new Lane<Line>(route, options, (...ended) => this.#finished(route, ...ended)),
    );
    this.#tried = toldPatterns(routes);
    for (const lane of old) {
      this.#retired.add(lane);
      for (const line of lane.release()) this.#startOrAdvance(line);
    }
  }

  /** Clients that have a call under way or waiting. */
  get size(): number {
    return this.#lines.size;
  }

  /** Bytes of all calls and replies. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  opened(client: Client): void {
    this.#add(client, connectedCall(client.origin.hub));
  }

  received(client: Client, message: HubMessage): void {
    switch (message.type) {
      case HubMessageType.invocation:
      case HubMessageType.streamInvocation:
        return this.#add(client, messageCall(client.origin.hub, client.protocol, message));
      case HubMessageType.completion:
        return this.#options.completed?.(client, message);
      default: // Items of a client's streams and cancellations have no webhook event.
    }
  }

  closed(client: Client, reason: CloseReason): void {
    const line = this.#lines.get(client);
    if (line !== undefined) line.isClosed = true;
    if (line?.isRejected !== true) this.#add(client, disconnectedCall(client.origin.hub, reason));
  }

  /** Everything that happens by time; called about once a second. */
  tick(nowMs: number): void {
    for (const lane of [...this.#lanes, ...this.#retired]) lane.tick(nowMs);
    for (const lane of this.#retired) if (lane.isIdle) this.#retired.delete(lane);
    if (this.#retrying.length > 0) this.#retry(nowMs);
    if (nowMs - this.#flushedAtMs < FLUSH_MS) return;
    this.#flushedAtMs = nowMs;
    this.#tally.flush();
  }

  /** Resolves when every event has been told, or given up. */
  drained(): Promise<void> {
    if (this.#lines.size === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Gives up everything that is under way or waiting; what comes later is given up too. */
  cut(): void {
    this.#isCut = true;
    const lanes = [...this.#lanes, ...this.#retired];
    const waiting = [...lanes.flatMap((lane) => lane.release()), ...this.#retrying.map(({ line }) => line)];
    this.#retrying = [];
    for (const line of waiting) this.#startOrAdvance(line);
    for (const lane of lanes) lane.abort();
    this.#tally.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.#agent.destroy();
  }

  #add(client: Client, call: Call): void {
    const line = this.#lines.get(client);
    if (line === undefined && this.#laneFor(call) === undefined) return this.#unmatched(client, call);
    const full = this.#takeRoom(line, call);
    if (full !== undefined) return this.#refuse(client, call, full);
    if (line !== undefined) return line.push(call);
    const first = new Line(client, call, this.#headers);
    this.#lines.set(client, first);
    this.#startOrAdvance(first);
  }

  /** Takes the bytes of a call, or says why it may not wait. The coming and going of a client always may. */
  #takeRoom(line: Line | undefined, { category, body }: Call): string | undefined {
    if (category === "connections") {
      this.#budget.force(body.length);
      return undefined;
    }
    const { maxClientMessages, maxClientBytes } = this.#options.limits;
    if (line !== undefined) {
      const { following, followingBytes } = line;
      if (following >= maxClientMessages) return "too many messages of this client wait";
      if (following > 0 && followingBytes + body.length > maxClientBytes)
        return "too many bytes of this client wait";
    }
    return this.#budget.take(body.length) ? undefined : "too many bytes wait for all clients";
  }

  #startOrAdvance(line: Line): void {
    if (!this.#start(line)) this.#advance(line);
  }

  /** Has the line's present call made; `false` when it is settled already. */
  #start(line: Line): boolean {
    const { client, call } = line;
    const lane = this.#laneFor(call);
    if (this.#isCut) this.#drop(client, call, "the service stopped");
    else if (lane === undefined) this.#unmatched(client, call);
    else if (lane.take(line)) return true;
    else {
      const why = "too many clients wait for this upstream";
      this.#refuse(client, call, why);
      this.#reject(line, why);
    }
    return false;
  }

  /** The line's present call is settled: goes on with the next, or ends the line. */
  #advance(line: Line): void {
    do {
      this.#budget.give(line.call.body.length);
      if (!line.next()) return this.#end(line);
    } while (!this.#start(line));
  }

  #end({ client }: Line): void {
    this.#lines.delete(client);
    if (this.#lines.size > 0) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #finished(route: Route, line: Line, result: HttpAnswer | UpstreamFailure, durationMs: number): void {
    const { client, call } = line;
    const { completion, failure } = verdictOn(result, call, client.protocol);
    if (completion !== undefined && !line.isClosed) send(client, completion);
    const { hub, category, event } = call;
    const { index: template, shownUrl: url } = route;
    const about = { hub, category, event, connectionId: client.id, template, url };
    if (failure === undefined) {
      const { status = 0 } = result;
      this.#options.emit({ name: "upstream.answered", ...about, status, durationMs: Math.round(durationMs) });
    } else {
      const { outcome, status, reason } = failure;
      this.#tally.add(
        { name: "upstream.failed", ...about, outcome, status, reason, count: 1 },
        `${template} ${outcome} ${status ?? ""}`,
      );
      if (this.#willRetry(line, failure)) return;
      this.#reject(line, `The upstream did not take the client: ${reason}.`);
    }
    this.#advance(line);
  }

  /** Whether the line's present call, which failed, is to be tried again. */
  #willRetry(line: Line, failure: UpstreamFailure): boolean {
    const { retries, limits, clock } = this.#options;
    if (line.call.category !== "connections" || line.retried >= retries) return false;
    if (!isPassing(failure) || this.#retrying.length >= limits.maxWaiting) return false;
    const waitMs = FIRST_RETRY_MS * 2 ** line.retried++;
    this.#retrying.push({ line, dueMs: clock.monotonicMs() + waitMs });
    return true;
  }

  #retry(nowMs: number): void {
    const due = this.#retrying.filter(({ dueMs }) => dueMs <= nowMs);
    this.#retrying = this.#retrying.filter(({ dueMs }) => dueMs > nowMs);
    for (const { line } of due) this.#startOrAdvance(line);
  }

  /** Closes the client whose coming failed, where that is wished. */
  #reject(line: Line, message: string): void {
    const { client, call, isClosed } = line;
    if (!this.#options.rejectOnConnectedFailure || !isConnected(call)) return;
    line.isRejected = true;
    this.#budget.give(line.followingBytes);
    line.clear();
    if (!isClosed) client.close({ category: "InvokeUpstreamFailed", message, allowReconnect: false });
  }

  #laneFor(call: Call): Lane<Line> | undefined {
    return this.#lanes.find(({ route }) => route.matches(call));
  }

  #unmatched(client: Client, { hub, category, event, invocationId }: Call): void {
    const connectionId = client.id;
    const tried = this.#tried;
    if (category === "connections")
      return this.#options.emit({ name: "upstream.unmatched", hub, event, connectionId, tried });
    this.#tally.add(
      { name: "client.invocation_unhandled", hub, connectionId, target: event, tried, count: 1 },
      `${hub} ${event}`,
    );
    const target = event.length > MAX_TOLD_CHARACTERS ? `${event.slice(0, MAX_TOLD_CHARACTERS)}…` : event;
    const why =
      this.#lanes.length === 0
        ? "No upstream is configured."
        : `No upstream template matches category 'messages' and event '${target}'; tried: ${tried}.`;
    this.#fail(
      client,
      invocationId,
      `Failed to invoke '${target}': no upstream or app server handles it on hub '${hub}'. ${why}`,
    );
  }

  #refuse(client: Client, call: Call, why: string): void {
    this.#drop(client, call, why);
    this.#fail(client, call.invocationId, `Invocation failed, too busy: ${why}.`);
  }

  #drop(client: Client, { hub, category, event }: Call, reason: string): void {
    this.#tally.add(
      { name: "upstream.dropped", hub, category, event, connectionId: client.id, reason, count: 1 },
      `${category} ${reason}`,
    );
  }

  #fail(client: Client, invocationId: string | undefined, error: string): void {
    if (invocationId !== undefined) send(client, client.protocol.completionError(invocationId, error));
  }
}

function isConnected({ category, event }: Call): boolean {
  return category === "connections" && event === "connected";
}

function send(client: Client, completion: Buffer): void {
  client.send(new EncodedMessage(completion, client.protocol.transferFormat));
}
