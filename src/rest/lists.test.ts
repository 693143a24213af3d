import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";
import { folders, operationsByPath } from "./operations.ts";

const FOLDER = "/api/hubwire/hubs/chat";

async function nodeWithGuests(): Promise<RestNode> {
  const node = await RestNode.start();
  node.connect("c3", { userId: "bob", groups: ["b/c"] });
  node.connect("c1", { userId: "ann", groups: ["a", "b/c"] });
  node.connect("c2", { userId: "ann" });
  node.connect("c4");
  node.connect("x", { hub: "other", userId: "zoe", groups: ["z"] });
  return node;
}

async function list(node: RestNode, path: string): Promise<unknown> {
  const response = await node.call("GET", path);
  assert.equal(response.statusCode, 200, response.body);
  assert.equal(response.headers["content-type"], "application/json; charset=utf-8");
  return response.json();
}

describe("Hubwire's own lists", () => {
  const all = [
    { connectionId: "c1", userId: "ann" },
    { connectionId: "c2", userId: "ann" },
    { connectionId: "c3", userId: "bob" },
    { connectionId: "c4" },
  ];
  for (const [path, value] of [
    ["/connections", all],
    ["/users/ann/connections", all.slice(0, 2)],
    ["/users/ANN/connections", []],
    ["/groups/b%2Fc/connections", [all[0], all[2]]],
    ["/groups/none/connections", []],
    [
      "/users",
      [
        { userId: "ann", connections: 2 },
        { userId: "bob", connections: 1 },
      ],
    ],
    [
      "/groups",
      [
        { group: "a", connections: 1 },
        { group: "b/c", connections: 2 },
      ],
    ],
  ] as const)
    test(`have who is in ${path}, and how many there are`, async () => {
      await using node = await nodeWithGuests();
      assert.deepEqual(await list(node, `${FOLDER}${path}`), { value, count: value.length });
    });

  test("are empty for a hub that nobody is in", async () => {
    await using node = await nodeWithGuests();
    for (const path of ["connections", "users", "groups", "users/u/connections", "groups/g/connections"])
      assert.deepEqual(await list(node, `/api/hubwire/hubs/none/${path}`), { value: [], count: 0 });
  });

  test("count all there are on every page, whatever top says, and link to the next", async () => {
    await using node = await nodeWithGuests();
    for (const [path, count] of [
      ["connections", 4],
      ["users/ann/connections", 2],
      ["groups/b%2Fc/connections", 2],
      ["users", 2],
      ["groups", 2],
    ] as const) {
      const seen: unknown[] = [];
      let url: string | undefined = `${FOLDER}/${path}?maxpagesize=1`;
      while (url !== undefined) {
        const page = (await list(node, url)) as { value: unknown[]; count: number; nextLink?: string };
        assert.equal(page.value.length, 1);
        assert.equal(page.count, count);
        seen.push(...page.value);
        url = page.nextLink?.replace("http://localhost:80", "");
      }
      assert.equal(seen.length, count, path);
      const { value } = (await list(node, `${FOLDER}/${path}?top=1`)) as { value: unknown[] };
      assert.deepEqual(value, seen.slice(0, 1));
    }
  });

  test("are of the application's hub where the query names one", async () => {
    await using node = await nodeWithGuests();
    node.connect("y", { hub: "app_chat" });
    assert.deepEqual(await list(node, `${FOLDER}/connections?application=App`), {
      value: [{ connectionId: "y" }],
      count: 1,
    });
  });

  test("need a token for their path, and no version", async () => {
    await using node = await nodeWithGuests();
    const { statusCode } = await node.app.inject({ url: `${FOLDER}/connections` });
    assert.equal(statusCode, 401);
    await list(node, `${FOLDER}/connections?api-version=whatever`);
    const wrong = await node.call("GET", "/api/hubwire/hubs/1x/users");
    assert.equal(wrong.statusCode, 400);
    assert.equal(wrong.json().target, "hub");
    assert.equal((await node.call("GET", "/api/hubs/chat/users?api-version=2026-07-01")).statusCode, 404);
  });
});

test("docs/rest-additions.md has every operation of Hubwire's own, and no other", () => {
  const text = readFileSync(new URL("../../docs/rest-additions.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^\| `(\w+) (\/api\/hubwire\/\S+)` \|/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const served = [...operationsByPath("hubwire")].flatMap(([path, byMethod]) =>
    [...byMethod.keys()].map((method) => `${method} ${folders.hubwire}${path}`),
  );
  assert.deepEqual(documented, served);
});
