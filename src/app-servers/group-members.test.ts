import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import type { Router } from "../core/ports.ts";
import { groupMembers } from "./group-members.ts";

const ALL = Array.from({ length: 6_000 }, (_, index) => `${index}`.padStart(4, "0"));

/** A group of 6000 clients, every second with a user. */
const router: Pick<Router, "listConnections"> = {
  listConnections: async (_hub, _audience, { after = "", limit }) => {
    const left = ALL.filter((id) => id > after);
    const items = left.slice(0, limit).map((connectionId) => ({
      connectionId,
      userId: Number(connectionId) % 2 === 0 ? `u${connectionId}` : undefined,
    }));
    return { items, hasMore: left.length > limit, count: ALL.length };
  },
};

type Page = readonly [
  members: readonly (readonly [string, string | null])[],
  continuationToken: string | null,
];

async function page(
  asked: { readonly max?: number; readonly maxPageSize?: number },
  continuationToken: string | null = null,
): Promise<Page> {
  const { max = null, maxPageSize = null } = asked;
  const query = { group: "g", max, maxPageSize, continuationToken };
  return decode(await groupMembers(router, "chat", query)) as unknown as Page;
}

describe("the members of a group", () => {
  test("come in pages, each going on behind the one before", async () => {
    const [members, next] = await page({ maxPageSize: 2 });
    assert.deepEqual(members, [
      ["0000", "u0000"],
      ["0001", null],
    ]);
    assert.deepEqual(await page({ maxPageSize: 1 }, next), [[["0002", "u0002"]], "0002"]);
    assert.deepEqual(await page({}, "5998"), [[["5999", null]], null]);
  });

  test("are no more in a page than are wanted, asked for or usual, and 5000 at most", async () => {
    const sizes: [asked: { max?: number; maxPageSize?: number }, members: number][] = [
      [{}, 200],
      [{ max: 3 }, 3],
      [{ max: 300 }, 200],
      [{ max: 300, maxPageSize: 250 }, 250],
      [{ max: 3, maxPageSize: 250 }, 3],
      [{ max: 0, maxPageSize: -1 }, 200],
      [{ maxPageSize: 5_000 }, 5_000],
      [{ maxPageSize: 5_001 }, 5_000],
    ];
    for (const [asked, members] of sizes)
      assert.equal((await page(asked))[0].length, members, JSON.stringify(asked));
  });
});
