import type { Clock } from "../core/clock.ts";
import type { Template } from "../core/upstream-template.ts";
import type { HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { jsonToMessagePack, messagePackBound } from "../protocol/json-to-messagepack.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type Call, connectedCall, disconnectedCall } from "./call.ts";
import type { UpstreamFailure } from "./failure.ts";
import { createHttpAgent, type HttpAnswer } from "./http-call.ts";
import { Lane } from "./lane.ts";
import { authHeaders, connectionHeaders, eventHeaders, type Subject } from "./request-headers.ts";
import { filled, Route } from "./route.ts";
import { type Verdict, verdictOn } from "./verdict.ts";

/** One made-up event, sent once to see what comes of it. */
export interface ProbeOptions {
  readonly templates: readonly Template[];
  readonly accessKeys: readonly string[];
  readonly subject: Subject;
  readonly call: Call;
  readonly protocol: HubProtocolName;
  readonly timeoutMs: number;
  readonly maxReplyBytes: number;
  readonly clock: Clock;
}

/** A request without secrets: it has their references instead. */
interface ShownRequest {
  readonly url: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What came of it. */
export interface ProbeReport {
  readonly routes: readonly { readonly route: Route; readonly matches: boolean }[];
  /** Absent when no template matches. */
  readonly sent?: ShownRequest;
  readonly result?: HttpAnswer | UpstreamFailure;
  readonly verdict?: Verdict;
}

const TICK_MS = 1_000;
/** The invocation id of an invocation that waits for its result. */
const INVOCATION_ID = "1";
const NO_REASON = { category: "Normal", message: "" } as const;

/** What a client of this protocol would write, with these arguments as JSON texts. */
export function madeUpCall(
  { hub, category, event }: Pick<Call, "hub" | "category" | "event">,
  invocation: {
    readonly args: readonly string[];
    readonly protocol: HubProtocolName;
    readonly waits: boolean;
  },
): Call {
  if (category === "connections")
    return {
      ...(event === "disconnected" ? disconnectedCall(hub, NO_REASON) : connectedCall(hub)),
      event,
    };
  const { args, protocol, waits } = invocation;
  const id = waits ? INVOCATION_ID : undefined;
  const target = JSON.stringify(event);
  const list = `[${args.join(",")}]`;
  const common = { hub, category, event, invocationId: id, isStream: false };
  if (protocol === "messagepack") {
    const json = Buffer.from(`[1,{},${JSON.stringify(id ?? null)},${target},${list},[]]`);
    const out = Buffer.alloc(messagePackBound(json.length));
    const body = out.subarray(0, jsonToMessagePack(json, out, 0));
    return { ...common, contentType: "application/x-msgpack", body };
  }
  const idMember = id === undefined ? "" : `"invocationId":"${id}",`;
  const body = Buffer.from(`{"type":1,${idMember}"target":${target},"arguments":${list}}`);
  return { ...common, contentType: "application/json", body };
}

/** Sends the event to the first template that matches, if one does. */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { templates, call, protocol } = options;
  const routes = templates
    .map((template, index) => new Route(template, index))
    .map((route) => ({ route, matches: route.matches(call) }));
  const route = routes.find(({ matches }) => matches)?.route;
  if (route === undefined) return { routes };
  const result = await sentOnce(route, options);
  return {
    routes,
    sent: shownRequest(route, options),
    result,
    verdict: verdictOn(result, call, hubProtocols[protocol]),
  };
}

/** Sends it in the way of the service. */
async function sentOnce(route: Route, options: ProbeOptions): Promise<HttpAnswer | UpstreamFailure> {
  const { call, subject, accessKeys, clock, timeoutMs, maxReplyBytes } = options;
  const { promise, resolve } = Promise.withResolvers<HttpAnswer | UpstreamFailure>();
  await using resources = new AsyncDisposableStack();
  const agent = resources.adopt(createHttpAgent(1), (used) => used.destroy());
  const lane = new Lane(
    route,
    {
      agent,
      clock,
      budget: new ByteBudget(Infinity),
      timeoutMs,
      maxInFlight: 1,
      maxWaiting: 0,
      maxReplyBytes,
    },
    (_, result) => resolve(result),
  );
  resources.use(clock.every(TICK_MS, () => lane.tick(clock.monotonicMs())));
  lane.take({ call, headers: connectionHeaders(subject, accessKeys) });
  return await promise;
}

function shownRequest(route: Route, { call, subject, accessKeys }: ProbeOptions): ShownRequest {
  const { auth, shownUrl } = route.template;
  const shownAuth =
    auth.type === "headers"
      ? auth.headers.flatMap(({ name, shownValue }) => [name, shownValue])
      : authHeaders(auth, auth.type === "clientCredentials" ? "(from TokenUrl)" : undefined);
  return {
    url: filled(shownUrl, call),
    headers: [...connectionHeaders(subject, accessKeys), ...eventHeaders(call), ...shownAuth],
    body: call.body,
  };
}
