import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode } from "../../test/support/rest-node.ts";
import type { MembershipStore } from "../core/ports.ts";
import { MemoryMembershipStore } from "../store/memory-membership-store.ts";

const VERSION = "api-version=2022-06-01";
const MESSAGE = { body: '{"target":"say"}' };
const IN_GROUP = `/api/hubs/chat/users/u/groups/g?${VERSION}`;

describe("a user", () => {
  test("exists while connected; then HEAD and GET say Warning.User.NotExisted", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c", { userId: "u" });
    const url = `/api/hubs/chat/users/u?${VERSION}`;
    assert.equal((await node.call("HEAD", url)).statusCode, 200);
    client.leave();
    for (const method of ["HEAD", "GET"]) {
      const response = await node.call(method, url);
      assert.equal(response.statusCode, 404);
      assert.equal(response.headers["x-ms-error-code"], "Warning.User.NotExisted");
    }
  });

  test("is sent to on all connections, and sending to an unknown one is accepted", async () => {
    await using node = await RestNode.start();
    const [a, b] = [node.connect("a", { userId: "u" }), node.connect("b", { userId: "u" })];
    const other = node.connect("c", { userId: "U" });
    const url = `/api/hubs/chat/users/u/:send?${VERSION}&excluded=a`;
    assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202);
    assert.deepEqual(
      [a, b, other].map(({ sent }) => sent.length),
      [1, 1, 0],
      "excluded is no parameter here",
    );
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/users/x/:send?${VERSION}`, MESSAGE)).statusCode,
      202,
    );
  });

  test("is closed without the excluded, and closing an unknown one succeeds", async () => {
    await using node = await RestNode.start();
    const [a, b] = [node.connect("a", { userId: "u" }), node.connect("b", { userId: "u" })];
    const url = `/api/hubs/chat/users/u/:closeConnections?${VERSION}&excluded=b`;
    assert.equal((await node.call("POST", url)).statusCode, 204);
    assert.deepEqual([a.closedBecause.length, b.closedBecause.length], [1, 0]);
    assert.equal(
      (await node.call("POST", `/api/hubs/chat/users/x/:closeConnections?${VERSION}`)).statusCode,
      204,
    );
  });
});

describe("a user in a group", () => {
  test("is found by HEAD and GET, or they say Info.User.NotInGroup", async () => {
    await using node = await RestNode.start();
    for (const method of ["HEAD", "GET"]) {
      const response = await node.call(method, IN_GROUP);
      assert.equal(response.statusCode, 404);
      assert.equal(response.headers["x-ms-error-code"], "Info.User.NotInGroup");
    }
    await node.call("PUT", IN_GROUP);
    for (const method of ["HEAD", "GET"]) assert.equal((await node.call(method, IN_GROUP)).statusCode, 200);
  });

  test("is remembered before the user was ever seen, and forgotten after the time to live", async () => {
    await using node = await RestNode.start();
    assert.equal((await node.call("PUT", `${IN_GROUP}&ttl=10`)).statusCode, 200);
    assert.deepEqual(await node.userGroups.groupsOf("chat", "u"), ["g"]);
    node.clock.advance(10_000);
    assert.deepEqual(await node.userGroups.groupsOf("chat", "u"), []);
    assert.equal((await node.call("HEAD", IN_GROUP)).statusCode, 404);
  });

  test("is remembered for a year without a time to live", async () => {
    await using node = await RestNode.start();
    await node.call("PUT", `${IN_GROUP}&ttl=`);
    node.clock.advance(364 * 86_400_000);
    assert.deepEqual(await node.userGroups.groupsOf("chat", "u"), ["g"]);
    node.clock.advance(2 * 86_400_000);
    assert.deepEqual(await node.userGroups.groupsOf("chat", "u"), []);
  });

  test("with a time to live of 0 adds the present connections only", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c", { userId: "u" });
    await node.call("PUT", `${IN_GROUP}&ttl=0`);
    await node.call("POST", `/api/hubs/chat/groups/g/:send?${VERSION}`, MESSAGE);
    assert.equal(client.sent.length, 1);
    assert.deepEqual(await node.userGroups.groupsOf("chat", "u"), []);
  });

  for (const ttl of ["-1", "1.5", "1e3", "one", "2147483648", "9".repeat(400), " ", "0x10"])
    test(`is refused with ttl=${ttl.slice(0, 12)}`, async () => {
      await using node = await RestNode.start();
      const response = await node.call("PUT", `${IN_GROUP}&ttl=${encodeURIComponent(ttl)}`);
      assert.equal(response.statusCode, 400);
      assert.deepEqual(response.json(), {
        code: "Error.Request.Invalid",
        message: "'ttl' must be a whole number of seconds from 0 to 2147483647.",
        target: "ttl",
      });
    });

  test("lives 2147483647 seconds at most", async () => {
    await using node = await RestNode.start();
    assert.equal((await node.call("PUT", `${IN_GROUP}&ttl=2147483647`)).statusCode, 200);
  });

  test("is removed with memberships that its connections got by themselves; removing nothing succeeds", async () => {
    await using node = await RestNode.start();
    node.connect("c", { userId: "u", groups: ["g", "h"] });
    await node.call("PUT", IN_GROUP);
    for (const _ of [1, 2]) assert.equal((await node.call("DELETE", IN_GROUP)).statusCode, 204);
    assert.equal((await node.call("HEAD", `/api/hubs/chat/groups/g?${VERSION}`)).statusCode, 404);
    assert.equal((await node.call("HEAD", `/api/hubs/chat/groups/h?${VERSION}`)).statusCode, 200);
    for (const _ of [1, 2])
      assert.equal((await node.call("DELETE", `/api/hubs/chat/users/u/groups?${VERSION}`)).statusCode, 204);
    assert.equal(node.router.size.groups, 0);
  });

  test("is answered with 503 when the store fails, and the log has the cause", async () => {
    const cause = new Error("disk full");
    const broken = (): Promise<never> => Promise.reject(cause);
    const store: MembershipStore = Object.assign(new MemoryMembershipStore(), {
      add: broken,
      remove: broken,
      removeAll: broken,
      has: broken,
    });
    await using node = await RestNode.start({ store });
    const calls = [
      ["PUT", "/users/u/groups/g"],
      ["DELETE", "/users/u/groups/g"],
      ["HEAD", "/users/u/groups/g"],
      ["DELETE", "/users/u/groups"],
    ] as const;
    for (const [method, path] of calls) {
      const response = await node.call(method, `/api/hubs/chat${path}?${VERSION}`);
      assert.equal(response.statusCode, 503);
      assert.equal(response.headers["x-ms-error-code"], "Error.Service.Unavailable");
      assert.ok(!response.body.includes("disk"), "the cause stays inside");
    }
    assert.deepEqual(
      node.events,
      calls.map(([method, path]) => ({
        name: "rest.failed",
        method,
        path: `/api/hubs/chat${path}`,
        error: cause,
      })),
    );
  });
});
