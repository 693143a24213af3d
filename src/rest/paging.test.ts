import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

const VERSION = "api-version=2024-12-01";
const LIST = "/api/hubs/chat/groups/g/connections";

/** A node with connections c00, c01, … in group g, which have come in another order. */
async function nodeWith(count: number, publicUrl?: string): Promise<RestNode> {
  const node = await RestNode.start(publicUrl === undefined ? {} : { publicUrl });
  for (let index = 0; index < count; index++) {
    const id = `c${String((index * 7) % count).padStart(2, "0")}`;
    node.connect(id, { groups: ["g"], ...(index % 2 === 0 && { userId: `user of ${id}` }) });
  }
  return node;
}

interface ConnectionPage {
  readonly value: readonly { readonly connectionId: string; readonly userId?: string }[];
  readonly nextLink?: string;
}

async function page(node: RestNode, url: string): Promise<ConnectionPage> {
  const response = await node.call("GET", url);
  assert.equal(response.statusCode, 200, response.body);
  return response.json();
}

/** The ids on all pages, following links as they are, and how many pages there were. */
async function ids(node: RestNode, query: string): Promise<{ ids: string[]; pages: number }> {
  const all: string[] = [];
  let pages = 0;
  for (let url: string | undefined = `${LIST}?${VERSION}${query}`; url !== undefined; pages++) {
    const { value, nextLink }: ConnectionPage = await page(node, url);
    all.push(...value.map(({ connectionId }) => connectionId));
    url = nextLink && pathOf(nextLink);
  }
  return { ids: all, pages };
}

/** Path and query of a link as they are written. */
function pathOf(link: string): string {
  return link.replace(/^https?:\/\/[^/]+/, "");
}

function named(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${String(index).padStart(2, "0")}`);
}

describe("the connections in a group", () => {
  test("are listed by connection id, with the user where there is one", async () => {
    await using node = await nodeWith(3);
    assert.deepEqual(await page(node, `${LIST}?${VERSION}`), {
      value: [
        { connectionId: "c00", userId: "user of c00" },
        { connectionId: "c01" },
        { connectionId: "c02", userId: "user of c02" },
      ],
    });
  });

  test("are none in an unknown hub or group", async () => {
    await using node = await nodeWith(1);
    for (const path of ["/api/hubs/none/groups/g/connections", "/api/hubs/chat/groups/none/connections"])
      assert.deepEqual(await page(node, `${path}?${VERSION}`), { value: [] });
  });

  test("come page by page, 200 on one unless fewer are asked for, until the last page has no link", async () => {
    await using node = await nodeWith(5);
    assert.deepEqual(await ids(node, "&maxpagesize=2"), { ids: named(5), pages: 3 });
    assert.deepEqual(await ids(node, "&maxPageSize=5"), { ids: named(5), pages: 1 });
    assert.deepEqual(await ids(node, "&MAXPAGESIZE=1"), { ids: named(5), pages: 5 });
    for (let index = 0; index < 200; index++) node.connect(`d${index}`, { groups: ["g"] });
    const { value, nextLink } = await page(node, `${LIST}?${VERSION}`);
    assert.equal(value.length, 200);
    assert.ok(nextLink);
    assert.equal((await ids(node, "")).ids.length, 205);
  });

  test("are as many as top allows on all pages together, while links repeat top", async () => {
    await using node = await nodeWith(5);
    assert.deepEqual(await ids(node, "&top=3"), { ids: named(3), pages: 1 });
    assert.deepEqual(await ids(node, "&top=3&maxpagesize=2"), { ids: named(3), pages: 2 });
    assert.deepEqual(await ids(node, "&top=4&maxpagesize=2"), { ids: named(4), pages: 2 });
    assert.deepEqual(await ids(node, "&top=2147483647&maxpagesize=4"), { ids: named(5), pages: 2 });
    const { nextLink = "" } = await page(node, `${LIST}?${VERSION}&top=4&maxpagesize=2`);
    assert.equal(new URL(nextLink).searchParams.get("top"), "4");
  });

  test("go on behind those that were listed, whoever comes and goes meanwhile", async () => {
    await using node = await nodeWith(0);
    const clients = named(4).map((id) => node.connect(id, { groups: ["g"] }));
    const first = await page(node, `${LIST}?${VERSION}&maxpagesize=2`);
    clients[1]?.leave();
    clients[2]?.leave();
    node.connect("c001", { groups: ["g"] });
    node.connect("c011", { groups: ["g"] });
    const { nextLink = "" } = first;
    const second = await page(node, pathOf(nextLink));
    assert.deepEqual(
      second.value.map(({ connectionId }) => connectionId),
      ["c011", "c03"],
    );
  });

  for (const [query, target] of [
    ["maxpagesize=0", "maxpagesize"],
    ["maxpagesize=201", "maxpagesize"],
    ["maxPageSize=-1", "maxpagesize"],
    ["maxpagesize=1.5", "maxpagesize"],
    ["maxpagesize=x", "maxpagesize"],
    ["top=0", "top"],
    ["top=2147483648", "top"],
    ["top=1e3", "top"],
  ] as const)
    test(`are not listed with ${query}: 400`, async () => {
      await using node = await nodeWith(1);
      const response = await node.call("GET", `${LIST}?${VERSION}&${query}`);
      assert.equal(response.statusCode, 400);
      assert.equal(response.headers["x-ms-error-code"], "Error.Request.Invalid");
      assert.equal(response.json().target, target);
    });
});

describe("a link to the next page", () => {
  test("is absolute, on the host that the caller has used, with its path and the rest of its query", async () => {
    await using node = await nodeWith(2);
    const path = "/api/hubs/Chat/groups/%67/connections";
    const url = `${path}?API-Version=2024-12-01&maxPageSize=1&application=`;
    const response = await node.call("GET", url, { headers: { host: "signalr.example.com:8443" } });
    const { nextLink } = response.json() as ConnectionPage;
    assert.match(
      nextLink ?? "",
      /^http:\/\/signalr\.example\.com:8443\/api\/hubs\/Chat\/groups\/%67\/connections\?API-Version=2024-12-01&maxPageSize=1&application=&continuationToken=[\w-]+$/,
    );
    assert.equal((await page(node, pathOf(nextLink ?? ""))).value[0]?.connectionId, "c01");
  });

  test("is on the public URL where one is configured, whatever path that has", async () => {
    for (const publicUrl of ["https://example.com/signalr", "https://example.com/signalr/"]) {
      await using node = await nodeWith(2, publicUrl);
      const { nextLink } = await page(node, `${LIST}?${VERSION}&maxpagesize=1`);
      assert.match(
        nextLink ?? "",
        /^https:\/\/example\.com\/signalr\/api\/hubs\/chat\/groups\/g\/connections\?/,
      );
    }
  });

  test("has one continuation token, even where the caller writes its name in other letters", async () => {
    await using node = await nodeWith(3);
    const { nextLink = "" } = await page(node, `${LIST}?${VERSION}&maxpagesize=1`);
    const again = pathOf(nextLink.replace("continuationToken", "CONTINUATIONTOKEN"));
    const second = await page(node, again);
    assert.equal(second.value[0]?.connectionId, "c01");
    assert.equal(new URL(second.nextLink ?? "").search.match(/continuationtoken/gi)?.length, 1);
  });

  test("is a URL whatever the host is that a caller names", async () => {
    await using node = await nodeWith(2);
    const port = await node.listen();
    const path = `${LIST}?${VERSION}&maxpagesize=1`;
    for (const [host, origin] of [
      ["[::1]:80", "http://[::1]:80"],
      ["a b", "http://localhost"],
    ] as const) {
      const text = await new Promise<string>((resolve, reject) => {
        request({ port, host: "127.0.0.1", path, headers: { ...node.headers(path), host } }, (response) => {
          response.setEncoding("utf8").once("data", resolve);
        })
          .on("error", reject)
          .end();
      });
      assert.ok(JSON.parse(text).nextLink.startsWith(`${origin}/api/`), `${host}: ${text}`);
    }
  });
});

describe("a continuation token", () => {
  const refused = async (node: RestNode, path: string, token: string): Promise<void> => {
    const url = `${path}?${VERSION}&continuationToken=${encodeURIComponent(token)}`;
    const response = await node.call("GET", url);
    assert.equal(response.statusCode, 400, token);
    assert.equal(response.json().target, "continuationToken");
  };

  test("that is made up, changed, cut or extended is refused", async () => {
    await using node = await nodeWith(2);
    const { nextLink = "" } = await page(node, `${LIST}?${VERSION}&maxpagesize=1`);
    const token = new URL(nextLink).searchParams.get("continuationToken") ?? "";
    const bytes = Buffer.from(token, "base64url");
    const changed = Buffer.from(bytes);
    changed.writeUInt8((changed.at(-3) ?? 0) ^ 1, changed.length - 3);
    for (const made of [
      "x",
      "c00",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      Buffer.concat([Buffer.alloc(16), Buffer.from('["c00",null]')]).toString("base64url"),
      changed.toString("base64url"),
      token.slice(0, -1),
      `${token}A`,
      `${token}!`,
      ` ${token}`,
      "x".repeat(10_000),
    ])
      await refused(node, LIST, made);
  });

  test("of another list is refused", async () => {
    await using node = await nodeWith(2);
    for (const id of ["x", "y"]) node.connect(id, { groups: ["h"] });
    const { nextLink = "" } = await page(node, `${LIST}?${VERSION}&maxpagesize=1`);
    const token = new URL(nextLink).searchParams.get("continuationToken") ?? "";
    await refused(node, "/api/hubs/chat/groups/h/connections", token);
    await refused(node, "/api/hubs/other/groups/g/connections", token);
    await refused(node, "/api/hubwire/hubs/chat/groups/g/connections", token);
  });
});
