import type { Clock } from "../core/clock.ts";
import type { EmitEvent } from "../core/events.ts";
import { fetchOidcKeys, type OidcSource } from "./oidc-fetch.ts";
import type { OidcKeySet } from "./oidc-key-set.ts";
import type { VerifiedToken } from "./signature.ts";
import type { TokenHeader } from "./unverified-token.ts";

const MAX_AGE_MS = 60 * 60_000;
const MIN_INTERVAL_MS = 30_000;

/**
 * The keys of one issuer. They are fetched when a token comes that none of those at hand fits, but at most once in 30 seconds
 * whatever tokens come, and again in the background once they are an hour old. While the issuer cannot be reached, the
 * keys at hand stay.
 */
export class OidcKeys {
  readonly #source: OidcSource;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  #keySet: OidcKeySet | undefined;
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #fetching: Promise<void> | undefined;

  constructor(source: OidcSource, clock: Clock, emit: EmitEvent) {
    this.#source = source;
    this.#clock = clock;
    this.#emit = emit;
  }

  /**
   * Reads a token if its signature fits one of the keys.
   * @returns `"unknown key"` if it does not, `"unreachable"` if nobody can say because the issuer could not be asked
   */
  async read(token: string, header: TokenHeader): Promise<VerifiedToken | "unknown key" | "unreachable"> {
    const isOld = this.#clock.monotonicMs() - this.#fetchedAtMs > MAX_AGE_MS;
    const refreshed = isOld ? this.#refresh() : undefined;
    const verified = this.#keySet?.read(token, header);
    if (verified !== undefined) return verified;
    await (refreshed ?? this.#refresh());
    const isCurrent = this.#fetchedAtMs === this.#triedAtMs;
    return this.#keySet?.read(token, header) ?? (isCurrent ? "unknown key" : "unreachable");
  }

  /** Never rejects. */
  #refresh(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#fetching === undefined && nowMs - this.#triedAtMs >= MIN_INTERVAL_MS) {
      this.#triedAtMs = nowMs;
      this.#fetching = this.#fetch(nowMs).finally(() => {
        this.#fetching = undefined;
      });
    }
    return this.#fetching ?? Promise.resolve();
  }

  async #fetch(nowMs: number): Promise<void> {
    const { issuer } = this.#source;
    try {
      this.#keySet = await fetchOidcKeys(this.#source);
      this.#fetchedAtMs = nowMs;
      this.#emit({ name: "auth.issuer_keys_fetched", issuer, keys: this.#keySet.size });
    } catch (error) {
      this.#emit({ name: "auth.issuer_failed", issuer, error });
    }
  }
}
