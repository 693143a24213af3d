import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

const VERSION = "api-version=2022-06-01";
const MESSAGE = { body: '{"target":"say"}' };

describe("a group", () => {
  test("exists while a connection is in it; then HEAD and GET say Warning.Group.NotExisted", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c", { groups: ["g"] });
    const url = `/api/hubs/chat/groups/g?${VERSION}`;
    assert.equal((await node.call("HEAD", url)).statusCode, 200);
    client.leave();
    for (const method of ["HEAD", "GET"]) {
      const response = await node.call(method, url);
      assert.equal(response.statusCode, 404);
      assert.equal(response.headers["x-ms-error-code"], "Warning.Group.NotExisted");
    }
  });

  test("is sent to without the excluded, and sending to an empty one is accepted", async () => {
    await using node = await RestNode.start();
    const a = node.connect("a", { groups: ["g"] });
    const b = node.connect("b", { groups: ["g"] });
    const c = node.connect("c");
    const url = `/api/hubs/chat/groups/g/:send?${VERSION}&excluded=b`;
    assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202);
    assert.deepEqual([a.sent.length, b.sent.length, c.sent.length], [1, 0, 0]);
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/groups/none/:send?${VERSION}`, MESSAGE)).statusCode,
      202,
    );
  });

  test("is closed without the excluded, and closing an empty one succeeds", async () => {
    await using node = await RestNode.start();
    const a = node.connect("a", { groups: ["g"] });
    const b = node.connect("b", { groups: ["g"] });
    const c = node.connect("c");
    const url = `/api/hubs/chat/groups/g/:closeConnections?${VERSION}&excluded=b&reason=r`;
    assert.equal((await node.call("POST", url)).statusCode, 204);
    const closed = [a, b, c].map(({ closedBecause }) => closedBecause.map(({ message }) => message));
    assert.deepEqual(closed, [["r"], [], []]);
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/groups/x/:closeConnections?${VERSION}`)).statusCode,
      204,
    );
  });

  test("is joined and left by a connection, in both of v1's spellings too", async () => {
    await using node = await RestNode.start();
    node.connect("c");
    const exists = async (): Promise<number> =>
      (await node.call("HEAD", `/api/hubs/chat/groups/g?${VERSION}`)).statusCode;
    for (const url of [
      `/api/hubs/chat/groups/g/connections/c?${VERSION}`,
      "/api/v1/hubs/chat/groups/g/connections/c",
      "/api/v1/hubs/chat/connections/c/groups/g",
    ]) {
      assert.equal((await node.call("PUT", url)).statusCode, 200);
      assert.equal(await exists(), 200);
      assert.equal((await node.call("DELETE", url)).statusCode, 200);
      assert.equal(await exists(), 404);
    }
  });

  test("cannot be joined by an unknown connection: Error.Connection.NotExisted", async () => {
    await using node = await RestNode.start();
    for (const url of [
      `/api/hubs/chat/groups/g/connections/c?${VERSION}`,
      "/api/v1/hubs/chat/connections/c/groups/g",
    ]) {
      const response = await node.call("PUT", url);
      assert.equal(response.statusCode, 404);
      assert.equal(response.headers["x-ms-error-code"], "Error.Connection.NotExisted");
    }
  });

  test("can be left by a connection that is unknown or was not in it", async () => {
    await using node = await RestNode.start();
    node.connect("c");
    for (const id of ["c", "unknown"])
      assert.equal(
        (await node.call("DELETE", `/api/hubs/chat/groups/g/connections/${id}?${VERSION}`)).statusCode,
        200,
      );
  });
});
