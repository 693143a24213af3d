import type { Clock } from "../core/clock.ts";
import type { ClientCredentials } from "../core/upstream-template.ts";
import { type UpstreamFailure, unanswered } from "./failure.ts";
import type { HttpAnswer, HttpRequest } from "./http-call.ts";

/** A token is fetched anew this long before it expires, or at half of a shorter life. */
const EARLY_MS = 60_000;
/** After a failure nobody asks again for this long. */
const PAUSE_MS = 1_000;
/** The life of a token that does not tell its own; short, as nothing is known. */
const UNTOLD_LIFE_SECONDS = 300;
const FORM = "application/x-www-form-urlencoded";

/** Posts a request and reads the answer's body. */
export type Post = (request: HttpRequest) => Promise<HttpAnswer | UpstreamFailure>;

/**
 * The access token of OAuth 2.0 client credentials (RFC 6749 §4.4; id and secret are sent in the body), kept until
 * shortly before it expires. However many calls need it, one fetch is under way.
 */
export class AccessToken {
  readonly #credentials: ClientCredentials;
  readonly #post: Post;
  readonly #clock: Clock;
  #known: { readonly token: string; readonly untilMs: number } | undefined;
  #failed: { readonly failure: UpstreamFailure; readonly untilMs: number } | undefined;
  #fetching: Promise<string | UpstreamFailure> | undefined;

  constructor(credentials: ClientCredentials, post: Post, clock: Clock) {
    this.#credentials = credentials;
    this.#post = post;
    this.#clock = clock;
  }

  /** The token, at once where it is known. */
  get(): string | UpstreamFailure | Promise<string | UpstreamFailure> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#known !== undefined && nowMs < this.#known.untilMs) return this.#known.token;
    if (this.#failed !== undefined && nowMs < this.#failed.untilMs) return this.#failed.failure;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** The token was refused: the next call gets a new one. */
  forget(token: string): void {
    if (this.#known?.token === token) this.#known = undefined;
  }

  async #fetch(): Promise<string | UpstreamFailure> {
    const answer = await this.#post(this.#request());
    const nowMs = this.#clock.monotonicMs();
    const found = "outcome" in answer ? answer.reason : tokenIn(answer);
    if (typeof found === "string") {
      const failure = unanswered("noToken", `no access token from its TokenUrl: ${found}`);
      this.#failed = { failure, untilMs: nowMs + PAUSE_MS };
      return failure;
    }
    const lifeMs = found.lifeSeconds * 1_000;
    this.#known = { token: found.token, untilMs: nowMs + Math.max(lifeMs - EARLY_MS, lifeMs / 2) };
    return found.token;
  }

  #request(): HttpRequest {
    const { tokenUrl, clientId, clientSecret, scope } = this.#credentials;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
      ...(scope === undefined ? {} : { scope }),
    });
    return {
      url: new URL(tokenUrl),
      headers: ["Content-Type", FORM, "Accept", "application/json"],
      body: Buffer.from(form.toString()),
    };
  }
}

/** The token, or what is wrong with the answer; nothing of its body is repeated. */
function tokenIn({ status, body }: HttpAnswer): { token: string; lifeSeconds: number } | string {
  if (status !== 200) return `it answered ${status}`;
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString());
  } catch {
    return "its answer is not JSON";
  }
  const { access_token: token, expires_in: seconds } = (answer ?? {}) as Record<string, unknown>;
  if (typeof token !== "string" || !/^[!-~]+$/.test(token)) return "its answer has no access_token";
  const lifeSeconds = Number(seconds ?? UNTOLD_LIFE_SECONDS);
  return { token, lifeSeconds: lifeSeconds > 0 ? lifeSeconds : UNTOLD_LIFE_SECONDS };
}
