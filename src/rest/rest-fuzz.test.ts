import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { RestNode } from "../../test/support/rest-node.ts";

const segment = fc.oneof(
  fc.constantFrom(
    "hubs",
    "chat",
    "groups",
    "g",
    "users",
    "u",
    "connections",
    "c",
    ":send",
    ":closeConnections",
  ),
  fc.constantFrom("", "...", "%2F", "%", "%00", "%ED%A0%80", "v1", "health", "1a", "a".repeat(1100)),
  // URL parsers resolve dots before anything is sent, inject's too.
  fc
    .string({ maxLength: 8 })
    .filter((text) => !/^\.{1,2}$/.test(text))
    .map(encodeURIComponent),
);
const knownPath = fc.constantFrom(
  "hubs/chat/:send",
  "hubs/chat/groups/g/:send",
  "hubs/chat/users/u/groups/g",
  "hubs/chat/groups/g/connections/c",
  "hubs/chat",
);
const path = fc.oneof(
  knownPath,
  fc.array(segment, { maxLength: 8 }).map((segments) => segments.join("/")),
);
const parameter = fc
  .tuple(
    fc.constantFrom(
      "api-version",
      "API-VERSION",
      "application",
      "excluded",
      "reason",
      "ttl",
      "__proto__",
      "x",
      "",
    ),
    fc.oneof(fc.constantFrom("2022-06-01", "2020-10-01", "0", "-1", "%", "%FF"), fc.webQueryParameters()),
  )
  .map(([name, value]) => `${name}=${value}`);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((parameters) => ["api-version=2022-06-01", ...parameters].reverse().join("&"));
const body = fc
  .oneof(
    fc.constantFrom("null", "{}", '{"target":"t"}', '{"target":"t","arguments":[{"a":[1]}]}'),
    fc.json(),
    fc.uint8Array({ maxLength: 64 }),
  )
  .map((content) => Buffer.from(content as string));
const contentType = fc.constantFrom(
  "application/json",
  "application/json; charset=utf-16",
  "application/octet-stream",
  "application/x-msgpack",
  "text/plain",
  "a/b/c",
  ";",
);

describe("whatever a caller with a good token sends", () => {
  test("is answered, and never with a fault of the service", async () => {
    await using node = await RestNode.start();
    const methods = fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY");
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          method: methods,
          family: fc.constantFrom("/api/", "/api/v1/"),
          path,
          query,
          body,
          contentType,
        }),
        async ({ method, family, path, query, body, contentType }) => {
          node.connect("c", { userId: "u", groups: ["g"] });
          node.connect("m", { userId: "u", groups: ["g"], protocol: "messagepack" });
          const headers = { "content-type": contentType };
          const response = await node.call(method, `${family}${path}?${query}`, { body, headers });
          assert.ok(response.statusCode >= 200 && response.statusCode < 500, `${response.statusCode}`);
          assert.equal(response.statusCode >= 400, "x-ms-error-code" in response.headers);
        },
      ),
      { numRuns: 500 },
    );
    assert.deepEqual(new Set(node.events.map(({ name }) => name)), new Set(["rest.refused"]));
  });
});
