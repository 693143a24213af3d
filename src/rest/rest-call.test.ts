import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RestNode, type RestRequest } from "../../test/support/rest-node.ts";

const VERSION = "api-version=2022-06-01";
const MESSAGE: RestRequest = { body: '{"target":"say"}' };

/** What a call that has a bad parameter is told to be wrong: its target. */
async function targetOf(node: RestNode, method: string, url: string, request?: RestRequest): Promise<string> {
  const response = await node.call(method, url, request);
  assert.equal(response.statusCode, 400, `${url}: ${response.body}`);
  const { code, message, target } = response.json();
  assert.equal(code, "Error.Request.Invalid");
  assert.equal(response.headers["x-ms-error-code"], code);
  assert.ok(message.startsWith(`'${target}' must `), message);
  return target;
}

describe("the hub", () => {
  const good = ["c", "A_`,.[]9", "h".repeat(128)];
  const bad = ["1a", "_a", "a-b", "a b", "ü", "a/b", "h".repeat(129)];

  for (const name of good)
    test(`may be ${name.slice(0, 10)}, like the application`, async () => {
      await using node = await RestNode.start();
      const client = node.connect("c", { hub: `${name}_${name}`.toLowerCase() });
      const id = encodeURIComponent(name);
      const url = `/api/hubs/${id}/:send?application=${id}&${VERSION}`;
      assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202);
      assert.equal(client.sent.length, 1);
    });

  for (const name of bad)
    test(`must not be ${name.slice(0, 10)}, and neither must the application`, async () => {
      await using node = await RestNode.start();
      const id = encodeURIComponent(name);
      assert.equal(await targetOf(node, "POST", `/api/hubs/${id}/:send?${VERSION}`, MESSAGE), "hub");
      const url = `/api/hubs/chat/:send?application=${id}&${VERSION}`;
      assert.equal(await targetOf(node, "POST", url, MESSAGE), "application");
    });

  test("may be as long as an application and a hub in v1, where one name is both", async () => {
    await using node = await RestNode.start();
    const statusOf = async (length: number): Promise<number> =>
      (await node.call("DELETE", `/api/v1/hubs/${"h".repeat(length)}/users/u/groups`)).statusCode;
    assert.deepEqual([await statusOf(257), await statusOf(258)], [200, 400]);
  });

  test("has no application when that is empty", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    await node.call("POST", `/api/hubs/chat/:send?application=&${VERSION}`, MESSAGE);
    assert.equal(client.sent.length, 1);
  });
});

describe("names in a path", () => {
  const ids = [
    "a/b",
    "a b",
    "a+b",
    "a%2Fb",
    "%",
    "ü",
    "日本",
    "😀",
    "a?b#c",
    ":send",
    "..",
    ".",
    "a;b",
    "a&b=c",
    "\0",
    "groups",
  ];
  for (const id of ids)
    test(`are unescaped once, segment by segment: ${JSON.stringify(id)}`, async () => {
      await using node = await RestNode.start();
      const client = node.connect(id, { userId: id, groups: [id] });
      const escaped = [...Buffer.from(id)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      for (const each of new Set([escaped, escaped.toUpperCase(), encodeURIComponent(id)]))
        for (const resource of ["groups", "users", "connections"]) {
          const url = `/api/hubs/chat/${resource}/${each}/:send?${VERSION}`;
          // A segment of dots alone is resolved by URL parsers before it is sent, inject's too.
          if (/^(%2e|\.)+$/i.test(each)) continue;
          assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202, url);
        }
      assert.equal(client.sent.length % 3, 0);
      assert.ok(client.sent.length > 0 || /^\.+$/.test(id));
    });

  test("are a connection's id of any length", async () => {
    await using node = await RestNode.start();
    const id = "c".repeat(5000);
    node.connect(id);
    assert.equal((await node.call("HEAD", `/api/hubs/chat/connections/${id}?${VERSION}`)).statusCode, 200);
  });

  for (const [parameter, path] of [
    ["group", "/api/hubs/chat/groups/"],
    ["user", "/api/hubs/chat/users/"],
  ] as const)
    test(`are a ${parameter} of 1 to 1024 characters, however they are escaped`, async () => {
      await using node = await RestNode.start();
      for (const character of ["a", "%C3%BC", "%E2%82%AC"]) {
        const ok = await node.call("POST", `${path}${character.repeat(1024)}/:send?${VERSION}`, MESSAGE);
        assert.equal(ok.statusCode, 202);
        const url = `${path}${character.repeat(1025)}/:send?${VERSION}`;
        assert.equal(await targetOf(node, "POST", url, MESSAGE), parameter);
      }
      assert.equal(await targetOf(node, "POST", `${path}/:send?${VERSION}`, MESSAGE), parameter);
    });

  test("are no group of white space only, but may be such a user", async () => {
    await using node = await RestNode.start();
    for (const space of ["%20", "%20%20", "%09", "%0A", "%E3%80%80", "%C2%A0"]) {
      assert.equal(
        await targetOf(node, "POST", `/api/hubs/chat/groups/${space}/:send?${VERSION}`, MESSAGE),
        "group",
      );
      const user = await node.call("POST", `/api/hubs/chat/users/${space}/:send?${VERSION}`, MESSAGE);
      assert.equal(user.statusCode, 202);
    }
  });

  test("are no empty connection", async () => {
    await using node = await RestNode.start();
    const url = `/api/hubs/chat/connections//:send?${VERSION}`;
    assert.equal(await targetOf(node, "POST", url, MESSAGE), "connectionId");
  });

  for (const malformed of ["%", "%2", "%zz", "%FF", "%C3", "%ED%A0%80", "a%2"])
    test(`are refused with a malformed escape: ${malformed}`, async () => {
      await using node = await RestNode.start();
      const response = await node.call("HEAD", `/api/hubs/chat/groups/${malformed}?${VERSION}`);
      assert.equal(response.statusCode, 400);
      assert.equal(response.headers["x-ms-error-code"], "Error.Request.Invalid");
      const { target } = (await node.call("GET", `/api/hubs/chat/groups/${malformed}?${VERSION}`)).json();
      assert.equal(target, "path");
    });
});

describe("the query", () => {
  test("keeps malformed escapes away from the service", async () => {
    await using node = await RestNode.start();
    const url = `/api/hubs/chat/:send?${VERSION}&excluded=%&excluded=%FF&%zz=%&=&&?x`;
    assert.equal((await node.call("POST", url, MESSAGE)).statusCode, 202);
  });

  test("counts the first of several where one is meant", async () => {
    await using node = await RestNode.start();
    const [a, b] = [node.connect("a", { hub: "a_chat" }), node.connect("b", { hub: "b_chat" })];
    await node.call(
      "POST",
      `/api/hubs/chat/:send?application=a&APPLICATION=b&${VERSION}&api-version=x`,
      MESSAGE,
    );
    assert.deepEqual([a.sent.length, b.sent.length], [1, 0]);
  });

  test("takes hundreds of excluded connections", async () => {
    await using node = await RestNode.start();
    const clients = Array.from({ length: 500 }, (_, index) => node.connect(`c${index}`));
    const excluded = clients
      .slice(1)
      .map((_, index) => `&excluded=c${index + 1}`)
      .join("");
    await node.call("POST", `/api/hubs/chat/:send?${VERSION}${excluded}`, MESSAGE);
    assert.deepEqual(
      [clients[0]?.sent.length, clients[1]?.sent.length, clients[499]?.sent.length],
      [1, 0, 0],
    );
  });
});

describe("v1", () => {
  test("tells what is wrong as text", async () => {
    await using node = await RestNode.start();
    const response = await node.call("POST", "/api/v1/hubs/chat/groups/%20", MESSAGE);
    assert.equal(response.statusCode, 400);
    assert.equal(response.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(response.headers["x-ms-error-code"], "Error.Request.Invalid");
    assert.equal(response.body, "'group' must not consist of white space only.");
  });

  test("has no body with 404, but the code", async () => {
    await using node = await RestNode.start();
    const response = await node.call("GET", "/api/v1/hubs/chat/groups/g");
    assert.equal(response.statusCode, 404);
    assert.equal(response.body, "");
    assert.equal(response.headers["content-type"], undefined);
    assert.equal(response.headers["x-ms-error-code"], "Warning.Group.NotExisted");
  });
});
