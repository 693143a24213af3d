import type { Client } from "../core/client.ts";
import { Fifo } from "../core/fifo.ts";
import type { Call } from "./call.ts";
import type { RecentHeaders } from "./recent-headers.ts";

/** The calls of one client, one after the other. It exists only while there is one. */
export class Line {
  readonly client: Client;
  /** The call that is under way, or waits for its turn with other clients'. */
  call: Call;
  /** How often it was tried again. */
  retried = 0;
  /** The client has left. */
  isClosed = false;
  /** The client was refused: nothing more is told about it. */
  isRejected = false;
  readonly #headers: RecentHeaders;
  #following: Fifo<Call> | undefined;
  #followingBytes = 0;

  constructor(client: Client, call: Call, headers: RecentHeaders) {
    this.client = client;
    this.call = call;
    this.#headers = headers;
  }

  /** Calls behind the present one. */
  get following(): number {
    return this.#following?.length ?? 0;
  }

  /** Bytes behind the present call. */
  get followingBytes(): number {
    return this.#followingBytes;
  }

  push(call: Call): void {
    this.#following ??= new Fifo();
    this.#following.push(call);
    this.#followingBytes += call.body.length;
  }

  /** Makes the next call the present one, if there is one. */
  next(): boolean {
    const call = this.#following?.shift();
    if (call === undefined) return false;
    this.#followingBytes -= call.body.length;
    this.call = call;
    this.retried = 0;
    return true;
  }

  /** Forgets the calls behind the present one. */
  clear(): void {
    this.#following = undefined;
    this.#followingBytes = 0;
  }

  /** The headers that all its calls have. */
  get headers(): readonly string[] {
    return this.#headers.of(this.client.origin);
  }
}
