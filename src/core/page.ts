/** Which part of a list is asked for. */
export interface PageRequest {
  /** The key that the page begins behind; `undefined` for the first page. */
  readonly after: string | undefined;
  /** At least 1. */
  readonly limit: number;
}

/** A part of a list that is ordered by keys. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Whether more items follow. */
  readonly hasMore: boolean;
  /** Items of the whole list, on this page or not. */
  readonly count: number;
}

/**
 * The page of a list whose items come in any order and are ordered by their keys, UTF-16 unit by UTF-16 unit. Keys differ.
 * Looks at every item once and keeps no more than a page of them: nothing is indexed for the sake of listing.
 */
export function pageOf<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => string,
  { after, limit }: PageRequest,
): Page<Item> {
  const page: Item[] = [];
  const keys: string[] = [];
  let last = "";
  let hasMore = false;
  let count = 0;
  for (const item of items) {
    count++;
    const key = keyOf(item);
    if (after !== undefined && key <= after) continue;
    if (keys.length === limit) {
      hasMore = true;
      if (key > last) continue;
      page.pop();
      keys.pop();
    }
    const at = insertionIndex(keys, key);
    keys.splice(at, 0, key);
    page.splice(at, 0, item);
    last = keys.at(-1) ?? "";
  }
  return { items: page, hasMore, count };
}

/** How many of the ordered keys are below the key. */
function insertionIndex(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
