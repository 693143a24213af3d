import assert from "node:assert/strict";
import { test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

test("each call is counted once, by its operation and the class of its status", async () => {
  await using node = await RestNode.start();
  node.connect("c1");
  const send = "/api/hubs/chat/:send?api-version=2022-06-01";
  const body = '{"target":"t","arguments":[]}';
  for (const [method, url, request] of [
    ["POST", send, { body }],
    ["POST", "/api/v1/hubs/chat", { body }],
    ["POST", send, { body: "{" }],
    ["POST", send, { body, headers: { authorization: "Bearer x" } }],
    ["POST", "/api/hubs/planted/:send", { body }],
    ["HEAD", "/api/hubs/chat/connections/c1?api-version=2022-06-01", {}],
    ["GET", "/api/hubs/chat/connections/c1?api-version=2022-06-01", {}],
    ["HEAD", "/api/hubs/chat/connections/planted?api-version=2022-06-01", {}],
    ["PATCH", send, {}],
    ["GET", "/api/planted", {}],
    ["GET", "/api/v1/planted", {}],
  ] as const)
    await node.call(method, url, request);
  assert.deepEqual(
    [...node.calls].map(({ operation, statusClass, count }) => `${operation} ${statusClass} ${count}`).sort(),
    [
      "HEAD /hubs/{hub}/connections/{connectionId} 2xx 2",
      "HEAD /hubs/{hub}/connections/{connectionId} 4xx 1",
      "POST /hubs/{hub}/:send 2xx 2",
      "POST /hubs/{hub}/:send 4xx 3",
      "none 4xx 3",
    ],
  );
});
