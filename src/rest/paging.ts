import { createHmac, timingSafeEqual } from "node:crypto";
import type { Page, PageRequest } from "../core/page.ts";
import { jsonAnswer, type RestAnswer, type RestServices } from "./operation.ts";
import { invalid, MAX_PAGE_SIZE, wholeNumber } from "./parameters.ts";
import type { RestCall } from "./rest-call.ts";
import type { RestQuery } from "./rest-query.ts";

const TOKEN = "continuationToken";
const MAC_BYTES = 16;

/** A list that is answered page by page. */
export interface PagedList<Item> {
  /** What tells it from other lists: a token for a page of one is of no use for another. */
  readonly scope: readonly string[];
  readonly list: (page: PageRequest) => Promise<Page<Item>>;
  readonly keyOf: (item: Item) => string;
  /** Whether the answer tells how many there are in all. */
  readonly hasCount?: true;
}

/**
 * Answers a page with `value` and, where there is more, with `nextLink`, an absolute URL, docs/spec/rest-api.md §1.6.
 * `top` bounds the items of all pages together. Nothing is kept from one page to the next: the token of a link says
 * behind which item to go on, and how many are left of `top`; it is signed, so that none can be made up.
 * @throws {ApiError}
 */
export async function pageAnswer<Item>(
  call: RestCall,
  services: Pick<RestServices, "accessKey" | "publicUrl">,
  { scope, list, keyOf, hasCount }: PagedList<Item>,
): Promise<RestAnswer> {
  const { query } = call;
  const tokens = new ContinuationTokens(services.accessKey, scope);
  const size = parameterFrom1(query, "maxpagesize", MAX_PAGE_SIZE) ?? MAX_PAGE_SIZE;
  const top = parameterFrom1(query, "top") ?? Infinity;
  const text = query.first(TOKEN.toLowerCase());
  const position = text === undefined ? FIRST_PAGE : tokens.read(text);
  const left = Math.min(top, position.left ?? Infinity);
  const { items, hasMore, count } = await list({ after: position.after, limit: Math.min(size, left) });
  const last = items.at(-1);
  const leftThen = left - items.length;
  return jsonAnswer({
    value: items,
    count: hasCount && count,
    nextLink:
      hasMore && leftThen > 0 && last !== undefined
        ? call.linkWith(services.publicUrl, TOKEN, tokens.write({ after: keyOf(last), left: leftThen }))
        : undefined,
  });
}

function parameterFrom1(query: RestQuery, parameter: string, max?: number): number | undefined {
  const text = query.first(parameter);
  return text === undefined ? undefined : wholeNumber(parameter, text, { min: 1, ...(max && { max }) });
}

/** Where a page begins. */
interface Position {
  readonly after: string | undefined;
  /** Items that `top` still allows; `undefined` or infinite for any number. */
  readonly left: number | undefined;
}

const FIRST_PAGE: Position = { after: undefined, left: undefined };

/** Writes positions in one list as opaque texts, and takes back only what was written so, with the same key. */
class ContinuationTokens {
  readonly #accessKey: string;
  readonly #scope: string;

  constructor(accessKey: string, scope: readonly string[]) {
    this.#accessKey = accessKey;
    this.#scope = JSON.stringify(scope);
  }

  write({ after, left }: Position): string {
    const position = Buffer.from(JSON.stringify([after, left])); // infinity becomes null
    return Buffer.concat([this.#mac(position), position]).toString("base64url");
  }

  read(text: string): Position {
    const token = Buffer.from(text, "base64url");
    const position = token.subarray(MAC_BYTES);
    const mac = this.#mac(position);
    const isWritten = token.length >= MAC_BYTES && token.toString("base64url") === text;
    if (!isWritten || !timingSafeEqual(token.subarray(0, MAC_BYTES), mac))
      throw invalid(TOKEN, "must be that of a 'nextLink' of this list, which was not changed");
    const [after, left] = JSON.parse(position.toString()) as [string, number | null];
    return { after, left: left ?? undefined };
  }

  #mac(position: Buffer): Buffer {
    return createHmac("sha256", this.#accessKey)
      .update(`continuation token\n${this.#scope}\n`)
      .update(position)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
