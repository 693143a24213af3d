import type { ClientOrigin } from "../core/client.ts";
import type { ClientIdentity } from "../core/identity.ts";
import { connectionHeaders } from "./request-headers.ts";

/** About what an entry takes besides its text. */
const ENTRY_BYTES = 512;

interface Made {
  /** A client that is authenticated anew gets another one. */
  readonly identity: ClientIdentity;
  readonly headers: readonly string[];
}

/**
 * Makes the headers that all events of one connection have, and remembers those of the connections that were last heard of:
 * to read the claims and to sign takes longer than all else that a call needs besides its HTTP.
 */
export class RecentHeaders {
  readonly #accessKeys: readonly string[];
  readonly #maxBytes: number;
  /** Once these are half of the bound they become the old ones, and the old ones are forgotten. */
  #young = new Map<ClientOrigin, Made>();
  #youngBytes = 0;
  #old: ReadonlyMap<ClientOrigin, Made> = new Map();

  /**
   * @param maxBytes that are remembered, about
   */
  constructor(accessKeys: readonly string[], maxBytes: number) {
    this.#accessKeys = accessKeys;
    this.#maxBytes = maxBytes;
  }

  /** Names and values in turn, docs/spec/serverless-upstream.md §3.3. */
  of(origin: ClientOrigin): readonly string[] {
    const young = this.#young.get(origin);
    if (young?.identity === origin.identity) return young.headers;
    const old = this.#old.get(origin);
    const headers =
      old?.identity === origin.identity ? old.headers : connectionHeaders(origin, this.#accessKeys);
    this.#remember(origin, headers);
    return headers;
  }

  #remember(origin: ClientOrigin, headers: readonly string[]): void {
    const bytes = headers.reduce((sum, text) => sum + text.length, ENTRY_BYTES);
    if (this.#youngBytes + bytes > this.#maxBytes / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(origin, { identity: origin.identity, headers });
    this.#youngBytes += bytes;
  }
}
