import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { pageOf } from "./page.ts";

function page(keys: readonly string[], after: string | undefined, limit: number) {
  return pageOf(keys, (key) => key, { after, limit });
}

describe("a page", () => {
  test("has the first items behind a key, in the order of their keys", () => {
    const keys = ["c", "a", "d", "b"];
    assert.deepEqual(page(keys, undefined, 2), { items: ["a", "b"], hasMore: true, count: 4 });
    assert.deepEqual(page(keys, "b", 2), { items: ["c", "d"], hasMore: false, count: 4 });
    assert.deepEqual(page(keys, "d", 2), { items: [], hasMore: false, count: 4 });
    assert.deepEqual(page([], undefined, 1), { items: [], hasMore: false, count: 0 });
  });

  test("goes on behind a key that has gone meanwhile", () => {
    assert.deepEqual(page(["a", "c", "d"], "b", 1), { items: ["c"], hasMore: true, count: 3 });
  });

  test("is ordered by UTF-16 units", () => {
    assert.deepEqual(page(["\ue000", "😀", "z", "Z", ""], undefined, 9).items, [
      "",
      "Z",
      "z",
      "😀",
      "\ue000",
    ]);
  });

  test("after page lists everything once, whatever the items and the size of the pages", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        (keys, limit) => {
          const listed: string[] = [];
          for (let after: string | undefined, hasMore = true; hasMore; ) {
            const { items, hasMore: more, count } = page(keys, after, limit);
            assert.equal(count, keys.length);
            assert.ok(items.length === limit || !more);
            listed.push(...items);
            after = items.at(-1);
            hasMore = more;
          }
          assert.deepEqual(
            listed,
            keys.toSorted((a, b) => (a < b ? -1 : 1)),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
