import type { Agent } from "undici";
import type { Clock } from "../core/clock.ts";
import { Fifo } from "../core/fifo.ts";
import { AccessToken } from "./access-token.ts";
import { Attempt } from "./attempt.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { Call } from "./call.ts";
import { type UpstreamFailure, unanswered } from "./failure.ts";
import { type BodyRules, type HttpAnswer, HttpCall, type HttpRequest } from "./http-call.ts";
import { authHeaders, eventHeaders } from "./request-headers.ts";
import type { Route } from "./route.ts";
import { wantsBody } from "./verdict.ts";

/** What all lanes of a node share. */
export interface LaneOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly budget: ByteBudget;
  readonly timeoutMs: number;
  /** Calls under way at once. */
  readonly maxInFlight: number;
  /** Callers that wait for one of them to end. */
  readonly maxWaiting: number;
  readonly maxReplyBytes: number;
}

/** Who has a call to be made, with the headers of its connection. */
export interface Caller {
  readonly call: Call;
  readonly headers: readonly string[];
}

/** Told when a caller's call has ended; the caller is out of the lane then. */
export type Finished<Of extends Caller> = (
  caller: Of,
  result: HttpAnswer | UpstreamFailure,
  durationMs: number,
) => void;

const MAX_TOKEN_BYTES = 1_048_576;

/** The calls to one template: so many at once, and so many that wait. */
export class Lane<Of extends Caller> {
  readonly route: Route;
  readonly #options: LaneOptions;
  readonly #finished: Finished<Of>;
  readonly #token: AccessToken | undefined;
  readonly #calls = new Set<Attempt>();
  /** Of access tokens. */
  readonly #fetches = new Set<Attempt>();
  readonly #waiting = new Fifo<Of>();

  constructor(route: Route, options: LaneOptions, finished: Finished<Of>) {
    this.route = route;
    this.#options = options;
    this.#finished = finished;
    const { auth } = route.template;
    if (auth.type === "clientCredentials")
      this.#token = new AccessToken(auth, (request) => this.#fetch(request), options.clock);
  }

  /** Whether nothing is under way and nothing waits. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && this.#waiting.length === 0;
  }

  /** Makes the caller's call, now or as soon as there is room; `false` when too many wait. */
  take(caller: Of): boolean {
    if (this.#calls.size < this.#options.maxInFlight) this.#run(caller);
    else if (this.#waiting.length < this.#options.maxWaiting) this.#waiting.push(caller);
    else return false;
    return true;
  }

  /** Gives back those that wait; what is under way goes on. */
  release(): Of[] {
    const callers: Of[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      callers.push(next);
    return callers;
  }

  /** Ends what takes too long. */
  tick(nowMs: number): void {
    const { timeoutMs } = this.#options;
    for (const attempts of [this.#calls, this.#fetches])
      for (const attempt of attempts)
        if (nowMs - attempt.startedAtMs >= timeoutMs)
          attempt.abort("timeout", `it took longer than ${timeoutMs / 1_000} s`);
  }

  /** Ends all calls. */
  abort(): void {
    for (const call of this.#calls) call.abort("stopped", "the service stopped");
  }

  #run(caller: Of): void {
    const { clock, maxReplyBytes } = this.#options;
    const { call } = caller;
    const attempt = new Attempt(clock.monotonicMs(), (result) => {
      this.#calls.delete(attempt);
      if ("headers" in result && result.status === 401 && attempt.bearer !== undefined)
        this.#token?.forget(attempt.bearer);
      // Who has waited longest comes before what else this caller has.
      const next = this.#waiting.shift();
      if (next !== undefined) this.#run(next);
      this.#finished(caller, result, clock.monotonicMs() - attempt.startedAtMs);
    });
    this.#calls.add(attempt);
    const url = this.route.urlOf(call);
    if (url === undefined) {
      attempt.fail(unanswered("badUrl", "the names in this event make no URL of its template"));
      return;
    }
    attempt.start(this.#token, (bearer, done) => {
      const headers = [
        ...caller.headers,
        ...eventHeaders(call),
        ...authHeaders(this.route.template.auth, bearer),
      ];
      const rules = this.#rules((status) => wantsBody(call, status), maxReplyBytes);
      return new HttpCall(this.#options.agent, { url, headers, body: call.body }, rules, done);
    });
  }

  #fetch(request: HttpRequest): Promise<HttpAnswer | UpstreamFailure> {
    const { promise, resolve } = Promise.withResolvers<HttpAnswer | UpstreamFailure>();
    const attempt = new Attempt(this.#options.clock.monotonicMs(), (result) => {
      this.#fetches.delete(attempt);
      resolve(result);
    });
    this.#fetches.add(attempt);
    const rules = this.#rules((status) => status === 200, MAX_TOKEN_BYTES);
    attempt.start(undefined, (_, done) => new HttpCall(this.#options.agent, request, rules, done));
    return promise;
  }

  #rules(wanted: BodyRules["wanted"], maxBytes: number): BodyRules {
    return { wanted, maxBytes, budget: this.#options.budget };
  }
}
