import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";

const VERSION = "api-version=2022-06-01";
const MESSAGE = { body: '{"target":"say","arguments":[1]}' };
const SAID = '{"type":1,"target":"say","arguments":[1]}\x1e';

describe("sending to a hub", () => {
  test("reaches everyone in it but the excluded, and no other hub", async () => {
    await using node = await RestNode.start();
    const [a, b, c] = [node.connect("a"), node.connect("b"), node.connect("c")];
    const other = node.connect("d", { hub: "other" });
    const url = `/api/hubs/chat/:send?${VERSION}&excluded=b&Excluded=c`;
    assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202);
    assert.deepEqual([a.sent, b.sent, c.sent, other.sent], [[SAID], [], [], []]);
  });

  test("takes a comma list in excluded for one id", async () => {
    await using node = await RestNode.start();
    const [a, b] = [node.connect("a"), node.connect("a,b")];
    await node.call("POST", `/api/hubs/chat/:send?${VERSION}&excluded=a,b`, MESSAGE);
    assert.deepEqual([a.sent, b.sent], [[SAID], []]);
  });

  test("is accepted when nobody is there", async () => {
    await using node = await RestNode.start();
    assert.equal((await node.call("POST", `/api/hubs/nobody/:send?${VERSION}`, MESSAGE)).statusCode, 202);
  });

  test("of an application, or in v1 with the application in the hub's name, reaches `application_hub`", async () => {
    await using node = await RestNode.start();
    const [plain, ofApp] = [node.connect("a"), node.connect("b", { hub: "app_chat" })];
    await node.call("POST", `/api/hubs/Chat/:send?application=App&${VERSION}`, MESSAGE);
    await node.call("POST", "/api/v1/hubs/App_Chat", MESSAGE);
    assert.deepEqual([plain.sent, ofApp.sent], [[], [SAID, SAID]]);
  });
});

describe("closing the connections of a hub", () => {
  test("closes all but the excluded with the reason, and lets them reconnect", async () => {
    await using node = await RestNode.start();
    const [a, b] = [node.connect("a"), node.connect("b")];
    const url = `/api/hubs/chat/:closeConnections?${VERSION}&reason=closing%20time+now&excluded=b`;
    assert.equal((await node.call("POST", url)).statusCode, 204);
    assert.deepEqual(a.closedBecause, [
      { category: "ClosedByAppServer", message: "closing time now", allowReconnect: true },
    ]);
    assert.deepEqual(b.closedBecause, []);
  });

  test("without a reason tells none", async () => {
    await using node = await RestNode.start();
    const client = node.connect("a");
    await node.call("POST", `/api/hubs/chat/:closeConnections?${VERSION}`);
    assert.deepEqual(
      client.closedBecause.map(({ message }) => message),
      [""],
    );
  });

  test("succeeds when nobody is there", async () => {
    await using node = await RestNode.start();
    assert.equal((await node.call("POST", `/api/hubs/chat/:closeConnections?${VERSION}`)).statusCode, 204);
  });
});
