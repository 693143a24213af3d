import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { audienceAllowsClient, audienceAllowsRest, audienceAllowsServer } from "./audience.ts";

const SEND = "/api/hubs/chat/:send";

describe("the audience of a REST token", () => {
  const allowed: readonly (readonly [who: string, aud: unknown, path: string])[] = [
    ["the documentation", "http://h:8888/api/hubs/chat/:send", SEND],
    [
      "an SDK that leaves out the port and adds the query",
      "http://h/api/hubs/chat/:send?api-version=2022-06-01",
      SEND,
    ],
    ["an SDK of the v1 era", "http://h/api/v1/hubs/app_chat/users/u", "/api/v1/hubs/app_chat/users/u"],
    ["a caller with a trailing slash", "https://H/api/hubs/chat/:send/", SEND],
    ["a request with a trailing slash", "https://h/api/hubs/chat/:send", `${SEND}/`],
    ["a caller behind a proxy with a path", "https://h/signalr/api/hubs/chat/:send", SEND],
    ["a caller that escapes more", "http://h/api/hubs/chat/%3Asend", SEND],
    [
      "a caller that escapes less",
      "http://h/api/hubs/chat/users/jürgen b/:send",
      "/api/hubs/chat/users/j%C3%BCrgen%20b/:send",
    ],
    ["a caller that escapes in lower case", "http://h/api/hubs/c/users/a%2fb", "/api/hubs/c/users/a%2Fb"],
    ["a caller that escapes a bare % not", "http://h/api/hubs/c/users/50%", "/api/hubs/c/users/50%25"],
    ["a caller that keeps the letter case of the hub", "http://h/api/hubs/Chat/:send", SEND],
    ["a list with the right one", ["http://h/other", 7, "http://h/api/hubs/chat/:send"], SEND],
    ["a health check", "http://h/api/health?api-version=2022-06-01", "/api/health"],
    ["a path alone", SEND, SEND],
    [
      "a request whose path comes with its query",
      "http://h/api/hubs/chat/:send",
      `${SEND}?api-version=2022-06-01`,
    ],
  ];
  for (const [who, aud, path] of allowed)
    test(`is right as written by ${who}`, () => {
      assert.equal(audienceAllowsRest(aud, path), true);
    });

  const refused: readonly (readonly [what: string, aud: unknown, path: string])[] = [
    ["none", undefined, SEND],
    ["null", null, SEND],
    ["an object", { 0: "http://h/api/hubs/chat/:send" }, SEND],
    ["an empty text", "", SEND],
    ["an empty list", [], SEND],
    ["the host alone", "http://h", SEND],
    ["a client's", "http://h/client/?hub=chat", SEND],
    ["another hub's", "http://h/api/hubs/other/:send", SEND],
    ["another operation's", "http://h/api/hubs/chat/:closeConnections", SEND],
    ["another version's path", "http://h/api/v1/hubs/chat/:send", SEND],
    ["the hub's, without the operation", "http://h/api/hubs/chat", SEND],
    ["a longer path", "http://h/api/hubs/chat/:send/x", SEND],
    ["another user's in letter case", "http://h/api/hubs/chat/users/A", "/api/hubs/chat/users/a"],
    ["the path in the query", `http://h/x?${SEND}`, SEND],
    ["the path in the fragment", `http://h/x#${SEND}`, SEND],
    [
      "an id that unescapes to more path",
      "http://h/api/hubs/c/users/a%2Fgroups%2Fb",
      "/api/hubs/c/users/a/groups/b",
    ],
    ["a path with an empty segment", "http://h/api/hubs/c/users//groups/g", "/api/hubs/c/users/groups/g"],
    ["a path that would have to be resolved", "http://h/api/hubs/x/../chat/:send", SEND],
  ];
  for (const [what, aud, path] of refused)
    test(`is wrong when it is ${what}`, () => {
      assert.equal(audienceAllowsRest(aud, path), false);
    });

  const id = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !/^[./]|^\s+$/.test(text));
  const urlOf = (userId: string): string => `/api/hubs/chat/users/${encodeURIComponent(userId)}/:send`;

  test("never depends on scheme, host, port, query, trailing slash or escaping", () => {
    const escapeAll = (text: string): string =>
      [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    const origin = fc.constantFrom(
      "http://h",
      "https://h:1",
      "HTTP://[::1]:80",
      "http://user@h",
      "http://h/p",
      "",
    );
    const tail = fc.constantFrom("", "/", "?a=b", "/?application=x&api-version=1", "#f");
    fc.assert(
      fc.property(id, origin, tail, (userId, host, end) => {
        const escaped = `${host}/api/hubs/CHAT/users/${escapeAll(userId)}/%3asend${end}`;
        assert.equal(audienceAllowsRest(escaped, urlOf(userId)), true);
        assert.equal(audienceAllowsRest([1, `${host}${urlOf(userId)}${end}`], urlOf(userId)), true);
      }),
      { numRuns: 300 },
    );
  });

  test("never opens the path of another user", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        assert.equal(audienceAllowsRest(`http://h${urlOf(a)}`, urlOf(b)), a === b);
      }),
      { numRuns: 300 },
    );
  });

  test("gives an answer for any value and any path", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl(),
      fc.constantFrom("%", "%ff/%E0%A4", "http://"),
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), text, fc.array(text)), text, (aud, other) => {
        for (const answer of [
          audienceAllowsRest(aud, other),
          audienceAllowsClient(aud, other),
          audienceAllowsServer(aud, other),
        ])
          assert.equal(typeof answer, "boolean");
      }),
      { numRuns: 500 },
    );
  });
});

for (const [endpoint, allows] of [
  ["client", audienceAllowsClient],
  ["server", audienceAllowsServer],
] as const)
  describe(`the audience of a ${endpoint} token`, () => {
    const allowed: readonly unknown[] = [
      `http://localhost/${endpoint}/?hub=chat`,
      `http://localhost/${endpoint}?hub=chat`,
      `https://other:1234/${endpoint}/?hub=CHAT`,
      `https://proxy/signalr/${endpoint}/?hub=chat&x=1`,
      `/${endpoint}/?hub=%63hat#f`,
      ["http://h/x", `http://h/${endpoint}/?hub=chat`],
    ];
    for (const aud of allowed)
      test(`is right as ${JSON.stringify(aud)}`, () => {
        assert.equal(allows(aud, "Chat"), true);
      });

    const refused: readonly unknown[] = [
      undefined,
      [],
      `http://h/${endpoint}/`,
      `http://h/${endpoint}/?hub=`,
      `http://h/${endpoint}/?hub=other`,
      `http://h/${endpoint}/?hub=chat&hub=other`,
      `http://h/${endpoint}/?hub=app_chat`,
      `http://h/${endpoint}/#?hub=chat`,
      `http://h/${endpoint}s/?hub=chat`,
      `http://h/${endpoint}/x/?hub=chat`,
      `http://h/${endpoint === "client" ? "server" : "client"}/?hub=chat`,
      "http://h/api/hubs/chat",
      "http://h/?hub=chat",
    ];
    for (const aud of refused)
      test(`is wrong as ${JSON.stringify(aud)}`, () => {
        assert.equal(allows(aud, "chat"), false);
      });

    test("opens an application's hub by its full name only", () => {
      assert.equal(allows(`http://h/${endpoint}/?hub=app_chat`, "app_chat"), true);
      assert.equal(allows(`http://h/${endpoint}/?hub=chat`, "app_chat"), false);
    });
  });
