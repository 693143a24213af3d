import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

const VERSION = "api-version=2022-06-01";
const MESSAGE = { body: '{"target":"say"}' };

describe("a connection", () => {
  test("exists until it leaves; then HEAD and GET say Warning.Connection.NotExisted", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const url = `/api/hubs/chat/connections/c?${VERSION}`;
    assert.equal((await node.call("HEAD", url)).statusCode, 200);
    client.leave();
    for (const method of ["HEAD", "GET"]) {
      const response = await node.call(method, url);
      assert.equal(response.statusCode, 404);
      assert.equal(response.headers["x-ms-error-code"], "Warning.Connection.NotExisted");
    }
  });

  test("of another hub does not exist", async () => {
    await using node = await RestNode.start();
    node.connect("c", { hub: "other" });
    assert.equal((await node.call("HEAD", `/api/hubs/chat/connections/c?${VERSION}`)).statusCode, 404);
  });

  test("is sent to alone, and sending to an unknown one is accepted", async () => {
    await using node = await RestNode.start();
    const [c, d] = [node.connect("c"), node.connect("d")];
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/connections/c/:send?${VERSION}`, MESSAGE)).statusCode,
      202,
    );
    assert.deepEqual([c.sent.length, d.sent.length], [1, 0]);
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/connections/x/:send?${VERSION}`, MESSAGE)).statusCode,
      202,
    );
  });

  test("is closed with the reason", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const url = `/api/hubs/chat/connections/c?${VERSION}&reason=bye`;
    assert.equal((await node.call("DELETE", url)).statusCode, 200);
    assert.deepEqual(client.closedBecause, [
      { category: "ClosedByAppServer", message: "bye", allowReconnect: true },
    ]);
  });

  test("that is unknown cannot be closed: Warning.Connection.NotExisted, while v1 accepts it", async () => {
    await using node = await RestNode.start();
    const response = await node.call("DELETE", `/api/hubs/chat/connections/c?${VERSION}`);
    assert.equal(response.statusCode, 404);
    assert.equal(response.headers["x-ms-error-code"], "Warning.Connection.NotExisted");
    assert.deepEqual(response.json(), {
      code: "Warning.Connection.NotExisted",
      message: "The hub has no connection with this id.",
      target: "connectionId",
    });
    assert.equal((await node.call("DELETE", "/api/v1/hubs/chat/connections/c")).statusCode, 202);
  });

  test("is taken out of all its groups, and an unknown one is as good as that", async () => {
    await using node = await RestNode.start();
    node.connect("c", { groups: ["g", "h"] });
    for (const id of ["c", "unknown"])
      assert.equal(
        (await node.call("DELETE", `/api/hubs/chat/connections/${id}/groups?${VERSION}`)).statusCode,
        200,
      );
    assert.equal(node.router.size.groups, 0);
  });
});
