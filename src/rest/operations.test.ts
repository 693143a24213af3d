import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode, type RestRequest } from "../../test/support/rest-node.ts";
import { operations, operationsByPath } from "./operations.ts";

const MESSAGE: RestRequest = { body: '{"target":"say","arguments":[1]}' };

interface Row {
  readonly method: "DELETE" | "GET" | "HEAD" | "POST" | "PUT";
  /** Below `/api`. */
  readonly path: string;
  /** Other spellings below `/api/v1`. */
  readonly v1Paths?: readonly string[];
  /** In v1, 2020-10-01, and 2022-06-01 with those after it. */
  readonly statuses: readonly [v1: number, v2020: number, v2022: number];
  /** Of the body of success. */
  readonly scope?: string;
  readonly request?: RestRequest;
  /** The body, where it is of this call: JSON in every version. */
  readonly answers?: RegExp;
}

/** docs/spec/rest-api.md §1.2 and §1.3, for connection c1 of user u1 in group g1 of hub chat. */
const rows: readonly Row[] = [
  { method: "HEAD", path: "/health", statuses: [200, 200, 200] },
  {
    method: "GET",
    path: "/auth/accessKey",
    statuses: [200, 200, 200],
    answers: /^\{"AccessKey":"[^"]+","KeyId":"[^"]+"\}$/,
  },
  {
    method: "POST",
    path: "/hubs/chat/:send",
    v1Paths: ["/hubs/chat"],
    statuses: [202, 202, 202],
    scope: "Request",
    request: MESSAGE,
  },
  { method: "POST", path: "/hubs/chat/:closeConnections", statuses: [204, 204, 204] },
  { method: "HEAD", path: "/hubs/chat/connections/c1", statuses: [200, 200, 200], scope: "Connection" },
  { method: "DELETE", path: "/hubs/chat/connections/c1", statuses: [202, 200, 200], scope: "Connection" },
  {
    method: "POST",
    path: "/hubs/chat/connections/c1/:send",
    v1Paths: ["/hubs/chat/connections/c1"],
    statuses: [202, 202, 202],
    scope: "Connection",
    request: MESSAGE,
  },
  {
    method: "DELETE",
    path: "/hubs/chat/connections/c1/groups",
    statuses: [200, 200, 200],
    scope: "Connection",
  },
  { method: "HEAD", path: "/hubs/chat/groups/g1", statuses: [200, 200, 200], scope: "Group" },
  {
    method: "POST",
    path: "/hubs/chat/groups/g1/:send",
    v1Paths: ["/hubs/chat/groups/g1"],
    statuses: [202, 202, 202],
    scope: "Group",
    request: MESSAGE,
  },
  { method: "POST", path: "/hubs/chat/groups/g1/:closeConnections", statuses: [204, 204, 204] },
  {
    method: "PUT",
    path: "/hubs/chat/groups/g1/connections/c1",
    v1Paths: ["/hubs/chat/connections/c1/groups/g1"],
    statuses: [200, 200, 200],
    scope: "Group",
  },
  {
    method: "DELETE",
    path: "/hubs/chat/groups/g1/connections/c1",
    v1Paths: ["/hubs/chat/connections/c1/groups/g1"],
    statuses: [200, 200, 200],
    scope: "Group",
  },
  { method: "HEAD", path: "/hubs/chat/users/u1", statuses: [200, 200, 200], scope: "User" },
  {
    method: "POST",
    path: "/hubs/chat/users/u1/:send",
    v1Paths: ["/hubs/chat/users/u1"],
    statuses: [202, 202, 202],
    scope: "User",
    request: MESSAGE,
  },
  { method: "POST", path: "/hubs/chat/users/u1/:closeConnections", statuses: [204, 204, 204] },
  {
    method: "HEAD",
    path: "/hubs/chat/users/u1/groups/g1",
    v1Paths: ["/hubs/chat/groups/g1/users/u1"],
    statuses: [200, 200, 200],
    scope: "User",
  },
  {
    method: "PUT",
    path: "/hubs/chat/users/u1/groups/g1",
    v1Paths: ["/hubs/chat/groups/g1/users/u1"],
    statuses: [202, 202, 200],
    scope: "User",
  },
  {
    method: "DELETE",
    path: "/hubs/chat/users/u1/groups/g1",
    v1Paths: ["/hubs/chat/groups/g1/users/u1"],
    statuses: [202, 200, 204],
  },
  { method: "DELETE", path: "/hubs/chat/users/u1/groups", statuses: [200, 200, 204] },
];

/** Every way to write a row's request, with the index of its status. */
function spellings({ path, v1Paths = [] }: Row): { url: string; version: 0 | 1 | 2 }[] {
  const dated = (date: string): string => `/api${path}?api-version=${date}`;
  return [
    ...[path, ...v1Paths].map((each) => ({ url: `/api/v1${each}`, version: 0 as const })),
    { url: dated("2020-10-01"), version: 1 },
    { url: dated("2022-06-01"), version: 2 },
    { url: dated("2024-12-01"), version: 2 },
  ];
}

describe("every operation answers success as its version does", () => {
  test("and this table has every operation", () => {
    assert.equal(rows.length, 20);
    const patterns = rows.map(
      ({ method, path }) =>
        `${method} ${path.replace("chat", "{hub}").replace("g1", "{group}").replace("u1", "{user}").replace("c1", "{connectionId}")}`,
    );
    assert.deepEqual(patterns.sort(), operations.map(({ method, path }) => `${method} ${path}`).sort());
  });

  for (const row of rows)
    for (const { url, version } of spellings(row))
      for (const method of row.method === "HEAD" ? (["HEAD", "GET"] as const) : [row.method])
        test(`${method} ${url}`, async () => {
          await using node = await RestNode.start();
          node.connect("c1", { userId: "u1", groups: ["g1"] });
          const response = await node.call(method, url, row.request);
          assert.equal(response.statusCode, row.statuses[version], response.body);
          assert.equal(response.headers["x-ms-error-code"], undefined);
          if (row.answers !== undefined) {
            assert.match(response.body, row.answers);
            assert.equal(response.headers["content-type"], "application/json; charset=utf-8");
            return;
          }
          if (row.scope === undefined || version < 2 || method === "HEAD") {
            assert.equal(response.body, "");
            assert.equal(response.headers["content-type"], undefined);
            return;
          }
          const { message, ...body } = response.json();
          assert.match(message, /^[A-Z].+\.$/);
          assert.deepEqual(body, {
            code: `Info.${row.scope}.Unknown`,
            level: "Info",
            scope: row.scope,
            errorKind: "Unknown",
            isSuccess: true,
          });
          assert.equal(response.headers["content-type"], "application/json; charset=utf-8");
        });
});

describe("every operation", () => {
  const urls = rows.flatMap((row) => spellings(row).map(({ url }) => ({ ...row, url })));

  test("but health refuses a request without a token, with one for another path, and with one of another key", async () => {
    await using node = await RestNode.start();
    const other = node.headers("/api/health")["authorization"] ?? "";
    for (const { method, url, request } of urls.filter(({ path }) => path !== "/health")) {
      const refusals = [
        [{ authorization: "" }, "Bearer"],
        [{ authorization: "Basic dTpw" }, "Bearer"],
        [{ authorization: "Bearer x" }, 'Bearer error="invalid_token"'],
        [
          { authorization: other },
          'Bearer error="invalid_token", error_description="The audience is invalid"',
        ],
      ] as const;
      for (const [headers, challenge] of refusals) {
        const response = await node.call(method, url, { ...request, headers });
        assert.equal(response.statusCode, 401, url);
        assert.equal(response.headers["www-authenticate"], challenge, url);
        assert.equal(response.body, "");
      }
    }
    assert.deepEqual([...new Set(node.events.map(({ name }) => name))], ["rest.unauthorized"]);
    assert.ok(!JSON.stringify(node.events).includes("api-version"), "no query in events");
  });

  test("takes no token from the query", async () => {
    await using node = await RestNode.start();
    const path = "/api/hubs/chat/users/u";
    const url = `${path}?api-version=2022-06-01&access_token=${node.token(path)}`;
    assert.equal((await node.app.inject({ method: "HEAD", url })).statusCode, 401);
  });

  test("answers other methods on its path with 405 and the ones there are, whatever the body, without asking for a token", async () => {
    await using node = await RestNode.start();
    for (const family of ["v1", "dated"] as const)
      for (const [path, byMethod] of operationsByPath(family)) {
        const names = path.replace(/\{\w+\}/g, "x");
        const url = family === "v1" ? `/api/v1${names}` : `/api${names}`;
        for (const method of [
          "GET",
          "HEAD",
          "POST",
          "PUT",
          "PATCH",
          "DELETE",
          "OPTIONS",
          "TRACE",
          "QUERY",
        ] as const) {
          if (byMethod.has(method as "GET")) continue;
          const headers = { "content-type": "?" };
          const response = await node.app.inject({ method: method as "POST", url, headers, payload: "{" });
          assert.equal(response.statusCode, 405, `${method} ${url}`);
          assert.equal(response.headers["allow"], [...byMethod.keys()].join(", "));
          assert.equal(response.headers["x-ms-error-code"], "Error.Request.MethodNotAllowed");
        }
      }
  });

  test("takes its path in any letter case, and with a slash at its end", async () => {
    await using node = await RestNode.start();
    const client = node.connect("C1", { userId: "U1", groups: ["G1"] });
    for (const url of [
      "/API/Hubs/CHAT/Groups/G1/:SEND?API-Version=2022-06-01",
      "/api/hubs/chat/groups/G1/:send/?api-version=2022-06-01",
      "/Api/V1/Hubs/Chat/Groups/G1",
    ])
      assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202, url);
    assert.equal(client.sent.length, 3);
    await node.call("POST", "/api/hubs/chat/groups/g1/:send?api-version=2022-06-01", MESSAGE);
    assert.equal(client.sent.length, 3, "ids keep theirs");
  });
});

describe("an unknown path", () => {
  test("gets 404 with an ErrorDetail, or without a body below v1", async () => {
    await using node = await RestNode.start();
    for (const path of [
      "/api",
      "/api/",
      "/api/hub",
      "/api/hubs",
      "/api/hubs/chat/:shout",
      "/api/hubs/chat",
    ]) {
      const response = await node.call("POST", `${path}?api-version=2022-06-01`, MESSAGE);
      assert.equal(response.statusCode, 404, path);
      assert.equal(response.headers["x-ms-error-code"], "Error.Request.NotFound");
      assert.deepEqual(response.json(), {
        code: "Error.Request.NotFound",
        message: `There is no operation at ${path}.`,
      });
    }
    for (const path of ["/api/v1", "/api/v1/hub", "/api/v1/hubs/chat/shout", "/api/v2/hubs/chat"])
      assert.equal((await node.call("POST", path, MESSAGE)).statusCode, 404, path);
    const response = await node.call("POST", "/api/v1/hubs/chat/groups");
    assert.equal(response.body, "");
    assert.equal(response.headers["x-ms-error-code"], "Error.Request.NotFound");
  });

  test("gets 404 also for a method that few servers know", async () => {
    await using node = await RestNode.start();
    assert.equal((await node.call("PROPFIND", "/api/hubs/chat/:send")).statusCode, 404);
  });
});
