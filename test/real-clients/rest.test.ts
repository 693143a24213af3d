import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { statusIn } from "../../src/rest/api-version.ts";
import { operations } from "../../src/rest/operations.ts";
import { Room } from "../support/room.ts";
import type { SignalRClientOptions } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/*
 * Every operation of 2022-06-01 on every version path through the socket, and what it does to Microsoft's clients.
 * The statuses are those of docs/spec/rest-api.md §1.2 and §1.3. rest-2024.test.ts has the newer ones.
 */

/** Ann has two connections; `stranger` is in another hub and must never notice anything. */
const roles = {
  ann: { userId: "ann" },
  annToo: { userId: "ann", protocol: "messagepack" },
  bob: { userId: "bob", transport: "ServerSentEvents" },
  cat: { transport: "LongPolling", protocol: "messagepack" },
  stranger: { userId: "ann", hub: "other" },
} as const satisfies Record<string, SignalRClientOptions>;

type Ids = { readonly c: string; readonly g: string };
type TestRoom = Room<keyof typeof roles>;

interface Row {
  readonly method: "DELETE" | "HEAD" | "POST" | "PUT";
  /** Below `/api/hubs/chat`, for ann's connection `c` and a group `g` of the test's own. */
  readonly path: (ids: Ids) => string;
  /** Other spellings, below `/api/v1/hubs/chat`. */
  readonly v1Paths?: (ids: Ids) => readonly string[];
  readonly query?: (room: TestRoom) => string;
  /** In v1, 2020-10-01, and 2022-06-01 with those after it. */
  readonly statuses: readonly [v1: number, v2020: number, v2022: number];
  /** Of the body of a success since 2022-06-01. */
  readonly scope?: string;
  readonly given?: (room: TestRoom, ids: Ids) => Promise<void>;
  readonly effect: (room: TestRoom, ids: Ids) => Promise<void>;
}

const SAID = ['say ["hi",1]'];
const CLOSED = ["closed: Server returned an error on close: bye"];

/** Ann's first connection and cat join by themselves. */
async function joined(room: TestRoom, { g }: Ids): Promise<void> {
  await room.rest("PUT", `groups/${g}/connections/${room.id("ann")}`);
  await room.rest("PUT", `groups/${g}/connections/${room.id("cat")}`);
}

/** Ann as a user, with the connections that she has and will have. */
async function userJoined(room: TestRoom, { g }: Ids): Promise<void> {
  await room.rest("PUT", `users/ann/groups/${g}`);
}

async function nothing(room: TestRoom): Promise<void> {
  assert.deepEqual(await room.news(), {});
}

/** Whether ann is in the group when she connects once more. */
async function annReturns(room: TestRoom, g: string): Promise<boolean> {
  await room.leave("ann");
  await room.fill();
  return (await room.membersOf(g)).includes("ann");
}

const rows: readonly Row[] = [
  {
    method: "POST",
    path: () => "/:send",
    v1Paths: () => [""],
    statuses: [202, 202, 202],
    scope: "Request",
    effect: async (room) =>
      assert.deepEqual(await room.news(), { ann: SAID, annToo: SAID, bob: SAID, cat: SAID }),
  },
  {
    method: "POST",
    path: () => "/:closeConnections",
    query: (room) => `reason=bye&excluded=${room.id("annToo")}&excluded=${room.id("bob")}`,
    statuses: [204, 204, 204],
    effect: async (room) => assert.deepEqual(await room.news(), { ann: CLOSED, cat: CLOSED }),
  },
  {
    method: "HEAD",
    path: ({ c }) => `/connections/${c}`,
    statuses: [200, 200, 200],
    scope: "Connection",
    effect: nothing,
  },
  {
    method: "DELETE",
    path: ({ c }) => `/connections/${c}`,
    query: () => "reason=bye",
    statuses: [202, 200, 200],
    scope: "Connection",
    effect: async (room) => assert.deepEqual(await room.news(), { ann: CLOSED }),
  },
  {
    method: "POST",
    path: ({ c }) => `/connections/${c}/:send`,
    v1Paths: ({ c }) => [`/connections/${c}`],
    statuses: [202, 202, 202],
    scope: "Connection",
    effect: async (room) => assert.deepEqual(await room.news(), { ann: SAID }),
  },
  {
    method: "DELETE",
    path: ({ c }) => `/connections/${c}/groups`,
    statuses: [200, 200, 200],
    scope: "Connection",
    given: async (room, { g }) => {
      await joined(room, { c: "", g });
      await joined(room, { c: "", g: `${g}-too` });
    },
    effect: async (room, { g }) => {
      assert.deepEqual(await room.membersOf(g), ["cat"]);
      assert.deepEqual(await room.membersOf(`${g}-too`), ["cat"]);
    },
  },
  {
    method: "HEAD",
    path: ({ g }) => `/groups/${g}`,
    statuses: [200, 200, 200],
    scope: "Group",
    given: joined,
    effect: nothing,
  },
  {
    method: "POST",
    path: ({ g }) => `/groups/${g}/:send`,
    v1Paths: ({ g }) => [`/groups/${g}`],
    statuses: [202, 202, 202],
    scope: "Group",
    given: joined,
    effect: async (room) => assert.deepEqual(await room.news(), { ann: SAID, cat: SAID }),
  },
  {
    method: "POST",
    path: ({ g }) => `/groups/${g}/:closeConnections`,
    query: (room) => `reason=bye&excluded=${room.id("cat")}`,
    statuses: [204, 204, 204],
    given: joined,
    effect: async (room) => assert.deepEqual(await room.news(), { ann: CLOSED }),
  },
  {
    method: "PUT",
    path: ({ c, g }) => `/groups/${g}/connections/${c}`,
    v1Paths: ({ c, g }) => [`/connections/${c}/groups/${g}`],
    statuses: [200, 200, 200],
    scope: "Group",
    effect: async (room, { g }) => {
      assert.deepEqual(await room.membersOf(g), ["ann"]);
      assert.equal(await annReturns(room, g), false, "it ends with the connection");
    },
  },
  {
    method: "DELETE",
    path: ({ c, g }) => `/groups/${g}/connections/${c}`,
    v1Paths: ({ c, g }) => [`/connections/${c}/groups/${g}`],
    statuses: [200, 200, 200],
    scope: "Group",
    given: joined,
    effect: async (room, { g }) => assert.deepEqual(await room.membersOf(g), ["cat"]),
  },
  {
    method: "HEAD",
    path: () => "/users/ann",
    statuses: [200, 200, 200],
    scope: "User",
    effect: nothing,
  },
  {
    method: "POST",
    path: () => "/users/ann/:send",
    v1Paths: () => ["/users/ann"],
    statuses: [202, 202, 202],
    scope: "User",
    effect: async (room) => assert.deepEqual(await room.news(), { ann: SAID, annToo: SAID }),
  },
  {
    method: "POST",
    path: () => "/users/ann/:closeConnections",
    query: (room) => `reason=bye&excluded=${room.id("ann")}&excluded=nobody`,
    statuses: [204, 204, 204],
    effect: async (room) => assert.deepEqual(await room.news(), { annToo: CLOSED }),
  },
  {
    method: "HEAD",
    path: ({ g }) => `/users/ann/groups/${g}`,
    v1Paths: ({ g }) => [`/groups/${g}/users/ann`],
    statuses: [200, 200, 200],
    scope: "User",
    given: userJoined,
    effect: nothing,
  },
  {
    method: "PUT",
    path: ({ g }) => `/users/ann/groups/${g}`,
    v1Paths: ({ g }) => [`/groups/${g}/users/ann`],
    statuses: [202, 202, 200],
    scope: "User",
    effect: async (room, { g }) => {
      assert.deepEqual(await room.membersOf(g), ["ann", "annToo"]);
      assert.equal(await annReturns(room, g), true);
    },
  },
  {
    method: "DELETE",
    path: ({ g }) => `/users/ann/groups/${g}`,
    v1Paths: ({ g }) => [`/groups/${g}/users/ann`],
    statuses: [202, 200, 204],
    given: async (room, ids) => {
      await userJoined(room, ids);
      await joined(room, ids);
    },
    effect: async (room, { g }) => {
      assert.deepEqual(await room.membersOf(g), ["cat"]);
      assert.equal(await annReturns(room, g), false);
    },
  },
  {
    method: "DELETE",
    path: () => "/users/ann/groups",
    statuses: [200, 200, 204],
    given: async (room, { g }) => {
      await userJoined(room, { c: "", g });
      await joined(room, { c: "", g: `${g}-too` });
    },
    effect: async (room, { g }) => {
      assert.deepEqual(await room.membersOf(g), []);
      assert.deepEqual(await room.membersOf(`${g}-too`), ["cat"]);
      assert.equal(await annReturns(room, g), false);
    },
  },
];

const v1 = { name: "v1", prefix: "/api/v1", query: "", statusOf: 0 } as const;
const versions = [
  v1,
  { name: "2020-10-01", prefix: "/api", query: "api-version=2020-10-01", statusOf: 1 },
  { name: "2021-11-01, served as 2020-10-01", prefix: "/api", query: "api-version=2021-11-01", statusOf: 1 },
  { name: "2022-06-01", prefix: "/api", query: "api-version=2022-06-01", statusOf: 2 },
  { name: "2024-12-01", prefix: "/api", query: "api-version=2024-12-01", statusOf: 2 },
  {
    name: "2099-12-31, served as the last one",
    prefix: "/api",
    query: "api-version=2099-12-31",
    statusOf: 2,
  },
] as const;

const MESSAGE = {
  headers: { "Content-Type": "application/json; charset=utf-8" },
  body: '{"Target":"say","Arguments":["hi",1]}',
};

const PLACEHOLDERS: Ids = { c: "{connectionId}", g: "{group}" };

/** The paths of a row in a version; `c` and `g` are known when its clients are. */
function pathsOf(row: Row, version: (typeof versions)[number], ids: Ids): string[] {
  return [row.path(ids), ...(version === v1 ? (row.v1Paths?.(ids) ?? []) : [])];
}

test("the table has every operation of 2022-06-01", () => {
  const named = rows.map(
    (row) => `${row.method} /hubs/{hub}${row.path(PLACEHOLDERS).replace("/ann", "/{user}")}`,
  );
  assert.deepEqual(
    ["HEAD /health", ...named].sort(),
    operations
      .filter(({ statuses }) => statusIn(statuses, "2022-06-01") !== undefined)
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  );
});

for (const version of versions)
  describe(version.name, async () => {
    const hubwire = await TestHubwire.start();
    const room = await Room.open(hubwire, roles);
    after(async () => {
      await room[Symbol.asyncDispose]();
      await hubwire[Symbol.asyncDispose]();
    });

    for (const row of rows)
      for (const [spelling, name] of pathsOf(row, version, PLACEHOLDERS).entries())
        for (const method of row.method === "HEAD" ? ["HEAD", "GET"] : [row.method])
          test(`${method} ${version.prefix}/hubs/chat${name}`, async () => {
            await room.fill();
            const ids = { c: room.id("ann"), g: room.freshName() };
            await row.given?.(room, ids);
            const path = pathsOf(row, version, ids)[spelling] ?? "";
            const query = [version.query, row.query?.(room)].filter(Boolean).join("&");
            const isSend = path.endsWith(":send") || (version === v1 && spelling === 1 && method === "POST");
            const response = await hubwire.rest(
              method,
              `${version.prefix}/hubs/chat${path}?${query}`,
              isSend ? MESSAGE : {},
            );
            const body = await response.text();
            assert.equal(response.status, row.statuses[version.statusOf], body);
            assert.equal(response.headers.get("x-ms-error-code"), null);
            if (row.scope === undefined || version.statusOf < 2 || method === "HEAD") assert.equal(body, "");
            else
              assert.partialDeepStrictEqual(JSON.parse(body), {
                code: `Info.${row.scope}.Unknown`,
                isSuccess: true,
              });
            await row.effect(room, ids);
          });

    for (const method of ["HEAD", "GET"])
      test(`${method} ${version.prefix}/health`, async () => {
        for (const query of ["", `?${version.query}`]) {
          const response = await fetch(`${hubwire.url}${version.prefix}/health${query}`, { method });
          assert.equal(response.status, 200);
          assert.equal(await response.text(), "");
        }
      });

    /** What is answered when there is nothing: the status of v1, that of dated versions, the code. */
    const gone: readonly (readonly [string, string, number, number, string | null])[] = [
      ["POST", "/connections/gone/:send", 202, 202, null],
      ["POST", "/groups/gone/:send", 202, 202, null],
      ["POST", "/users/gone/:send", 202, 202, null],
      ["POST", "/groups/gone/:closeConnections", 204, 204, null],
      ["POST", "/users/gone/:closeConnections", 204, 204, null],
      ["HEAD", "/connections/gone", 404, 404, "Warning.Connection.NotExisted"],
      ["GET", "/connections/gone", 404, 404, "Warning.Connection.NotExisted"],
      ["HEAD", "/groups/gone", 404, 404, "Warning.Group.NotExisted"],
      ["GET", "/groups/gone", 404, 404, "Warning.Group.NotExisted"],
      ["HEAD", "/users/gone", 404, 404, "Warning.User.NotExisted"],
      ["GET", "/users/gone", 404, 404, "Warning.User.NotExisted"],
      ["HEAD", "/users/ann/groups/gone", 404, 404, "Info.User.NotInGroup"],
      ["GET", "/users/ann/groups/gone", 404, 404, "Info.User.NotInGroup"],
      ["PUT", "/groups/g/connections/gone", 404, 404, "Error.Connection.NotExisted"],
      ["DELETE", "/groups/g/connections/gone", 200, 200, null],
      ["DELETE", "/connections/gone/groups", 200, 200, null],
      ["DELETE", "/connections/gone", 202, 404, "Warning.Connection.NotExisted"],
    ];
    test("what is asked of nobody is accepted or not found, and nobody notices", async () => {
      await room.fill();
      await room.news();
      for (const [method, path, inV1, dated, code] of gone) {
        const response = await hubwire.rest(
          method,
          `${version.prefix}/hubs/chat${path}?${version.query}`,
          path.endsWith(":send") ? MESSAGE : {},
        );
        const body = await response.text();
        const status = version === v1 ? inV1 : dated;
        assert.equal(response.status, status, `${method} ${path}: ${body}`);
        assert.equal(
          response.headers.get("x-ms-error-code"),
          status === 404 ? code : null,
          `${method} ${path}`,
        );
        if (status !== 404) continue;
        if (method === "HEAD" || version === v1) assert.equal(body, "");
        else assert.partialDeepStrictEqual(JSON.parse(body), { code });
      }
      await nothing(room);
    });

    test("a group and a user exist until the last connection leaves, and so does a connection", async () => {
      await room.fill();
      const ids = { c: room.id("bob"), g: room.freshName() };
      await room.rest("PUT", `groups/${ids.g}/connections/${ids.c}`);
      const exists = async (path: string): Promise<number> => {
        const url = `${version.prefix}/hubs/chat${path}?${version.query}`;
        return (await hubwire.rest("HEAD", url)).status;
      };
      const paths = [`/connections/${ids.c}`, `/groups/${ids.g}`, "/users/bob"];
      for (const path of paths) assert.equal(await exists(path), 200, path);
      await room.leave("bob");
      for (const path of paths) assert.equal(await exists(path), 404, path);
    });
  });
