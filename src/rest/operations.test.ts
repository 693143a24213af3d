import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { type RestClient, RestNode, type RestRequest } from "../../test/support/rest-node.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { openApiDocument } from "./openapi.ts";
import { folders, operations, operationsByPath } from "./operations.ts";

const MESSAGE: RestRequest = { body: '{"target":"say","arguments":[1]}' };

interface Row {
  readonly method: "DELETE" | "GET" | "HEAD" | "POST" | "PUT" | "QUERY";
  /** Below `/api`. */
  readonly path: string;
  /** Other spellings below `/api/v1`. */
  readonly v1Paths?: readonly string[];
  /** In v1, 2020-10-01, and 2022-06-01 with those after it; `undefined` where there is none. */
  readonly statuses: readonly [v1: number | undefined, v2020: number | undefined, v2022: number | undefined];
  /** The status in this version and those after it, where there is none in 2022-06-01. */
  readonly since?: readonly [version: string, status: number];
  /** Of the body of success. */
  readonly scope?: string;
  readonly request?: RestRequest;
  /** The body, where it is of this call: JSON in every version. */
  readonly answers?: RegExp;
}

const NEW = [undefined, undefined, undefined] as const;
const CLAIMS = /^\{"claims":\[\{"type":"role","value":"r"\}\]\}$/;

/** docs/spec/rest-api.md §1.2 and §1.3, for connection c1 of user u1 in group g1 of hub chat. */
const rows: readonly Row[] = [
  { method: "HEAD", path: "/health", statuses: [200, 200, 200] },
  {
    method: "GET",
    path: "/auth/accessKey",
    statuses: [200, undefined, undefined],
    since: ["2023-07-01", 200],
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
  {
    method: "POST",
    path: "/hubs/chat/:execute",
    statuses: NEW,
    since: ["2023-07-01", 202],
    request: { body: '[{"type":"JoinGroup","group":"g"}]' },
  },
  {
    method: "POST",
    path: "/hubs/chat/:generateToken",
    statuses: NEW,
    since: ["2022-11-01", 200],
    answers: /^\{"token":"[^"]+"\}$/,
  },
  {
    method: "POST",
    path: "/hubs/chat/connections/c1/:invoke",
    statuses: NEW,
    since: ["2024-12-01", 200],
    request: MESSAGE,
    answers: /^\{"result":"pong"\}$/,
  },
  {
    method: "POST",
    path: "/hubs/chat/connections/c1/streams/s1/:send",
    statuses: NEW,
    since: ["2024-12-01", 202],
    scope: "Connection",
    request: { body: "1" },
  },
  {
    method: "POST",
    path: "/hubs/chat/connections/c1/streams/s1/:complete",
    statuses: NEW,
    since: ["2024-12-01", 202],
    scope: "Connection",
  },
  {
    method: "GET",
    path: "/hubs/chat/groups/g1/connections",
    statuses: NEW,
    since: ["2024-12-01", 200],
    answers: /^\{"value":\[\{"connectionId":"c1","userId":"u1"\}\]\}$/,
  },
  {
    method: "POST",
    path: "/hubs/chat/connections/:refreshAuth",
    statuses: NEW,
    since: ["2026-07-01", 200],
    request: { body: '{"connectionToken":"t1"}' },
    answers: CLAIMS,
  },
  {
    method: "QUERY",
    path: "/hubs/chat/connections/claims",
    statuses: NEW,
    since: ["2026-07-01", 200],
    request: { body: '{"connectionToken":"t1"}' },
    answers: CLAIMS,
  },
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

interface Spelling {
  readonly url: string;
  /** Of success; `undefined` where the version does not have the operation. */
  readonly status: number | undefined;
  /** Whether success has a ServiceResponse, where the row has a scope. */
  readonly hasBody: boolean;
}

const VERSIONS = [
  "2020-10-01",
  "2022-06-01",
  "2022-11-01",
  "2023-07-01",
  "2024-12-01",
  "2026-07-01",
  "2030-01-01",
] as const;

/** Every way to write a row's request, with the status of success. */
function spellings({ path, v1Paths = [], statuses: [v1, v2020, v2022], since }: Row): Spelling[] {
  const dated = VERSIONS.map((version) => ({
    url: `/api${path}?api-version=${version}`,
    status: since !== undefined && version >= since[0] ? since[1] : version < "2022-06-01" ? v2020 : v2022,
    hasBody: version >= "2022-06-01",
  }));
  return [
    // In v1 the two are for a connection of that id.
    ...[path, ...v1Paths]
      .filter((each) => !/(claims|:refreshAuth)$/.test(each))
      .map((each) => ({ url: `/api/v1${each}`, status: v1, hasBody: false })),
    // Health has no version.
    ...(path === "/health" ? dated.slice(0, 1) : dated),
  ];
}

/** Lets connection c1 of user u1 in group g1 of hub chat come, which answers what it is asked. */
function comes(node: RestNode): RestClient {
  const client = node.connect("c1", { userId: "u1", groups: ["g1"] });
  client.answers((invocationId) => hubProtocols.json.completionResult(invocationId, Buffer.from('"pong"')));
  node.authenticate("t1", { hub: "chat", identity: { ...client.identity, claims: [["role", "r"]] } });
  return client;
}

describe("every operation answers success as its version does", () => {
  test("and this table has every operation", () => {
    assert.equal(rows.length, 28);
    const patterns = rows.map(({ method, path }) => `${method} ${templateOf(path)}`);
    assert.deepEqual(
      patterns.sort(),
      operations
        .filter(({ statuses }) => statuses.hubwire === undefined)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    );
  });

  for (const row of rows)
    for (const method of row.method === "HEAD" ? (["HEAD", "GET"] as const) : [row.method])
      test(`${method} ${row.path}`, async () => {
        await using node = await RestNode.start();
        for (const spelling of spellings(row)) {
          const client = comes(node);
          check(row, method, spelling, await node.call(method, spelling.url, row.request));
          client.leave();
        }
      });
});

/** The path of a row with its parameters. */
function templateOf(path: string): string {
  return path
    .replace("chat", "{hub}")
    .replace("g1", "{group}")
    .replace("u1", "{user}")
    .replace("c1", "{connectionId}")
    .replace("s1", "{streamId}");
}

/** What the OpenAPI document says of an answer; `undefined` for nothing. */
function documentedAnswer(url: string, method: string, status: number): { content?: object } | undefined {
  const operation = document.paths[templateOf(url.replace(/\?.*/, ""))];
  return operation?.[method === "QUERY" ? "x-query" : method.toLowerCase()]?.responses[status];
}

const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  paths: Record<string, Record<string, { responses: Record<number, { content?: object }> }>>;
};

function check(
  { answers, scope, since }: Row,
  method: string,
  { url, status, hasBody }: Spelling,
  response: LightMyRequestResponse,
): void {
  assert.equal(response.statusCode, status ?? 404, `${url}: ${response.body}`);
  if (status === undefined) {
    assert.equal(response.headers["x-ms-error-code"], "Error.Request.NotFound", url);
    if (!url.startsWith("/api/v1"))
      assert.match(response.json().message, new RegExp(`needs 'api-version=${since?.[0]}' or later`));
    return;
  }
  assert.equal(response.headers["x-ms-error-code"], undefined, url);
  const documented = documentedAnswer(url, method, status);
  assert.ok(documented, `${method} ${url} is documented`);
  if (response.body !== "") assert.ok(documented.content, `${method} ${url}: so is that it has a body`);
  if (answers !== undefined) {
    assert.match(response.body, answers, url);
    assert.equal(response.headers["content-type"], "application/json; charset=utf-8", url);
    return;
  }
  if (scope === undefined || !hasBody || method === "HEAD") {
    assert.equal(response.body, "", url);
    assert.equal(response.headers["content-type"], undefined, url);
    return;
  }
  const { message, ...body } = response.json();
  assert.match(message, /^[A-Z].+\.$/);
  const [level, errorKind, isSuccess] = ["Info", "Unknown", true];
  assert.deepEqual(body, { code: `Info.${scope}.Unknown`, level, scope, errorKind, isSuccess }, url);
  assert.equal(response.headers["content-type"], "application/json; charset=utf-8", url);
}

describe("every operation", () => {
  const urls = rows.flatMap((row) =>
    spellings(row)
      .filter(({ status }) => status !== undefined)
      .map(({ url }) => ({ ...row, url })),
  );

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
    for (const family of ["v1", "dated", "hubwire"] as const)
      for (const [path, byMethod] of operationsByPath(family)) {
        const url = `${folders[family]}${path.replace(/\{\w+\}/g, "x")}`;
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
