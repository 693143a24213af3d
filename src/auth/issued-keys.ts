import { createHmac } from "node:crypto";
import type { Clock } from "../core/clock.ts";

/** A key that the service gives to a caller who has none, to sign tokens for clients with. */
export interface IssuedKey {
  /** Signs as access keys do: HMAC, keyed with the UTF-8 bytes of this text. */
  readonly accessKey: string;
  /** What a token that is signed with it says as `kid`. */
  readonly keyId: string;
}

/** Which keys count: those that are valid at the moment, or also those that were. */
export type KeyAge = "valid now" | "any";

const WINDOW_MS = 60 * 60_000;
/**
 * A key is valid through so many windows after the one in which it is given out: for three to four hours. Azure's SDKs ask for
 * another after 55 minutes, sign with one for two hours if they get no other, and their tokens live for one.
 */
const FURTHER_WINDOWS = 3;

/**
 * Keys for callers that have a token of an issuer instead of an access key, to sign clients' tokens with,
 * docs/spec/rest-api.md §2.4. Every hour has another.
 *
 * Keys are made of the access keys and the hour, so that nothing is kept: every node has the same, and a restart changes
 * nothing. They end with the access key that they are made of.
 */
export class IssuedKeys {
  readonly #accessKeys: readonly string[];
  readonly #clock: Clock;

  /** @param accessKeys the keys given out are made of the first; keys made of any of them are known */
  constructor(accessKeys: readonly string[], clock: Clock) {
    this.#accessKeys = accessKeys;
    this.#clock = clock;
  }

  /** The key to give out now. */
  get current(): IssuedKey {
    const [accessKey = ""] = this.#accessKeys;
    return issuedKey(accessKey, this.#window);
  }

  /**
   * The key with this id, if it is one of ours.
   * @param keyId the `kid` of a token, whatever that is
   */
  accessKeyOf(keyId: unknown, age: KeyAge): string | undefined {
    if (typeof keyId !== "string") return undefined;
    const window = Number(/^(\d{1,10})\./.exec(keyId)?.[1]);
    // One window ahead: the clock of the node that gave it out may be before ours.
    if (!(window <= this.#window + 1)) return undefined;
    if (age === "valid now" && window < this.#window - FURTHER_WINDOWS) return undefined;
    return this.#accessKeys
      .map((accessKey) => issuedKey(accessKey, window))
      .find((key) => key.keyId === keyId)?.accessKey;
  }

  get #window(): number {
    return Math.floor(this.#clock.epochMs() / WINDOW_MS);
  }
}

/** Has no part of the access key in it, and the two labels keep the id from telling anything about the key. */
function issuedKey(accessKey: string, window: number): IssuedKey {
  const derived = (label: string): Buffer =>
    createHmac("sha256", accessKey).update(`hubwire ${label} ${window}`).digest();
  return {
    accessKey: derived("issued key").toString("base64"),
    keyId: `${window}.${derived("issued key id").toString("base64url", 0, 12)}`,
  };
}
