import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

describe("health", () => {
  for (const url of [
    "/api/health",
    "/api/health?api-version=2022-06-01",
    "/api/health?api-version=x",
    "/api/v1/health",
  ])
    for (const method of ["GET", "HEAD"] as const)
      test(`${method} ${url} needs no token`, async () => {
        await using node = await RestNode.start();
        const response = await node.app.inject({ method, url, headers: { authorization: "Bearer wrong" } });
        assert.equal(response.statusCode, 200);
        assert.equal(response.body, "");
      });

  test("is 503 while the service stops, and other calls go on", async () => {
    await using node = await RestNode.start();
    node.isReady = false;
    const health = await node.app.inject({ method: "GET", url: "/api/health" });
    assert.equal(health.statusCode, 503);
    assert.equal(health.headers["x-ms-error-code"], "Error.Service.Unavailable");
    const url = "/api/hubs/chat/users/u/groups?api-version=2022-06-01";
    assert.equal((await node.call("DELETE", url)).statusCode, 204);
    assert.deepEqual(node.events, [], "and stopping is no failure");
  });
});
