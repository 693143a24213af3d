import type { AccessToken } from "./access-token.ts";
import { type UpstreamFailure, unanswered } from "./failure.ts";
import type { HttpAnswer, HttpCall } from "./http-call.ts";

type Result = HttpAnswer | UpstreamFailure;

/** Sends a request, with this access token if there is one. */
type Send = (bearer: string | undefined, done: (result: Result) => void) => HttpCall;

/** One request from its token to its answer. Tells its result exactly once, never before `start` or `fail` has returned. */
export class Attempt {
  readonly startedAtMs: number;
  #bearer: string | undefined;
  #http: HttpCall | undefined;
  #done: ((result: Result) => void) | undefined;

  constructor(startedAtMs: number, done: (result: Result) => void) {
    this.startedAtMs = startedAtMs;
    this.#done = done;
  }

  /** The access token that it was sent with. */
  get bearer(): string | undefined {
    return this.#bearer;
  }

  start(token: AccessToken | undefined, send: Send): void {
    const got = token?.get();
    if (got instanceof Promise) void got.then((later) => this.#send(later, send));
    else this.#send(got, send);
  }

  fail(failure: UpstreamFailure): void {
    queueMicrotask(() => this.#finish(failure));
  }

  /** Gives up waiting. */
  abort(outcome: "timeout" | "stopped", reason: string): void {
    if (this.#http !== undefined) this.#http.abort(outcome, reason);
    else this.#finish(unanswered(outcome, `${reason}, for its access token`));
  }

  #send(bearer: string | UpstreamFailure | undefined, send: Send): void {
    if (this.#done === undefined) return;
    if (typeof bearer === "object") return this.fail(bearer);
    this.#bearer = bearer;
    this.#http = send(bearer, (result) => this.#finish(result));
  }

  #finish(result: Result): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }
}
