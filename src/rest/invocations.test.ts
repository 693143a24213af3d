import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import type { LightMyRequestResponse } from "fastify";
import { until } from "../../test/support/http-call.ts";
import { type RestClient, RestNode, type RestRequest } from "../../test/support/rest-node.ts";
import type { HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";

const URL_OF_C = "/api/hubs/chat/connections/c/:invoke?api-version=2024-12-01";
const BYTES = { accept: "application/octet-stream" };

function invoke(
  node: RestNode,
  { body = '{"target":"ask","arguments":[1]}', headers = {} }: RestRequest = {},
  url = URL_OF_C,
): Promise<LightMyRequestResponse> {
  return node.call("POST", url, { body, headers });
}

/** A client that answers with this JSON value in its protocol. */
function answering(node: RestNode, json: string, protocol: HubProtocolName = "json"): RestClient {
  const client = node.connect("c", { protocol });
  client.answers((id) => hubProtocols[protocol].completionResult(id, Buffer.from(json)));
  return client;
}

const VALUES = [
  "1",
  "9007199254740993",
  "-9223372036854775808",
  "1.5",
  '"é\\"😀"',
  "null",
  "[1,[]]",
  '{"a":{"b":true}}',
];

describe("invoking a client's method", () => {
  for (const protocol of ["json", "messagepack"] as const) {
    for (const value of VALUES)
      test(`answers the result ${value} of a ${protocol} client in JSON, every digit kept`, async () => {
        await using node = await RestNode.start();
        answering(node, value, protocol);
        const response = await invoke(node);
        assert.equal(response.statusCode, 200);
        assert.equal(response.headers["content-type"], "application/json; charset=utf-8");
        assert.equal(response.headers["x-asrs-protocol"], undefined);
        assert.equal(response.body, `{"result":${value}}`);
      });

    test(`answers no result of a ${protocol} client as an empty object`, async () => {
      await using node = await RestNode.start();
      node.connect("c", { protocol }).answers((id) => hubProtocols[protocol].completionVoid(id));
      assert.equal((await invoke(node)).body, "{}");
    });

    test(`answers the very Completion of a ${protocol} client to a caller that wants bytes`, async () => {
      await using node = await RestNode.start();
      const client = answering(node, "9007199254740993", protocol);
      const response = await invoke(node, { headers: BYTES });
      assert.equal(response.statusCode, 200);
      assert.equal(response.headers["content-type"], "application/octet-stream");
      assert.equal(response.headers["x-asrs-protocol"], protocol);
      const { invocationId = "" } = hubProtocols[protocol].read(
        response.rawPayload,
        0,
        hubProtocols[protocol].findEnd(response.rawPayload, 0, Infinity),
      );
      assert.deepEqual(
        response.rawPayload,
        hubProtocols[protocol].completionResult(invocationId, Buffer.from("9007199254740993")),
      );
      assert.equal(client.sent.length, 1);
    });

    for (const headers of [{}, BYTES])
      test(`answers a ${protocol} client's error as 400 with its text and nothing else, ${JSON.stringify(headers)}`, async () => {
        await using node = await RestNode.start();
        const error = 'No "such" method: é😀\n';
        node.connect("c", { protocol }).answers((id) => hubProtocols[protocol].completionError(id, error));
        const response = await invoke(node, { headers });
        assert.equal(response.statusCode, 400);
        assert.equal(response.headers["x-ms-error-code"], "Error.Connection.InvocationFailed");
        assert.equal(response.headers["content-type"], "text/plain; charset=utf-8");
        assert.equal(response.body, error);
      });
  }

  test("passes JSON arguments on byte by byte, and binary bodies with an id of the service", async () => {
    await using node = await RestNode.start();
    const client = answering(node, "1");
    await invoke(node, { body: '{"Target":"ask","Arguments":[ 1.10, 9007199254740993 ]}' });
    const framed = {
      json: Buffer.from('{"type":1,"target":"ask","headers":{"h":"v"},"arguments":[ 1.10 ]}\x1e'),
    };
    await invoke(node, {
      body: Buffer.from(encode(framed)),
      headers: { "content-type": "application/octet-stream" },
    });
    assert.deepEqual(client.sent, [
      '{"type":1,"invocationId":"s1","target":"ask","arguments":[ 1.10, 9007199254740993 ]}\x1e',
      '{"type":1,"invocationId":"s2","target":"ask","headers":{"h":"v"},"arguments":[ 1.10 ]}\x1e',
    ]);
  });

  test("is refused when a binary body lacks the client's protocol, or has more than one invocation", async () => {
    await using node = await RestNode.start();
    const client = answering(node, "1", "messagepack");
    const json = hubProtocols.json.invocation("ask", Buffer.from("[]"));
    for (const [body, message] of [
      [{ json }, "The body has no message for hub protocol 'messagepack', which the connection speaks."],
      [{ json: Buffer.concat([json, json]) }, /only one invocation can be answered/],
    ] as const) {
      const response = await invoke(node, {
        body: Buffer.from(encode(body)),
        headers: { "content-type": "application/octet-stream" },
      });
      assert.equal(response.statusCode, 400);
      const answered = response.json();
      assert.equal(answered.code, "Error.Request.Invalid");
      assert.equal(answered.target, "body");
      if (typeof message === "string") assert.equal(answered.message, message);
      else assert.match(answered.message, message);
    }
    assert.deepEqual(client.sent, []);
  });

  test("of an unknown connection is 404 Warning.Connection.NotExisted", async () => {
    await using node = await RestNode.start();
    node.connect("c", { hub: "other" });
    const response = await invoke(node);
    assert.equal(response.statusCode, 404);
    assert.equal(response.headers["x-ms-error-code"], "Warning.Connection.NotExisted");
  });

  test("with a body that is none is refused before the connection is looked for", async () => {
    await using node = await RestNode.start();
    for (const body of ["{}", "[]", ""]) assert.equal((await invoke(node, { body })).statusCode, 400);
  });

  test("tells a caller who wants JSON how to get a result that JSON cannot express", async () => {
    await using node = await RestNode.start();
    const nan = (id: string): Buffer => {
      const content = Buffer.from(encode([3, {}, id, 3, Number.NaN]));
      return Buffer.concat([Buffer.of(content.length), content]);
    };
    node.connect("c", { protocol: "messagepack" }).answers(nan);
    const response = await invoke(node);
    assert.equal(response.statusCode, 400);
    assert.match(
      response.body,
      /^The result cannot be written as JSON: NaN is no number in JSON at byte 0\. Ask .*octet-stream'\.$/,
    );
    assert.equal((await invoke(node, { headers: BYTES })).statusCode, 200);
  });
});

describe("a client that does not answer", () => {
  test("leads to 400 with a text when its time is over", async () => {
    await using node = await RestNode.start();
    node.connect("c");
    const response = invoke(node);
    await until(() => node.invocations.size === 1);
    node.clock.advance(90_000);
    node.invocations.tick(node.clock.monotonicMs());
    const { statusCode, body, headers } = await response;
    assert.equal(statusCode, 400);
    assert.equal(body, "Connection 'c' did not answer within 90 seconds.");
    assert.equal(headers["x-ms-error-code"], "Error.Connection.InvocationFailed");
  });

  test("leads to 400 with a text when it goes", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const response = invoke(node);
    await until(() => node.invocations.size === 1);
    client.leave();
    assert.equal((await response).statusCode, 400);
    assert.equal((await response).body, "Connection 'c' disconnected.");
  });

  test("costs nothing any more when its caller goes", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const port = await node.listen();
    const path = URL_OF_C;
    const body = '{"target":"ask"}';
    const call = request({
      port,
      host: "127.0.0.1",
      method: "POST",
      path,
      headers: node.headers(path, { body }),
    });
    call.on("error", () => {});
    call.end(body);
    await until(() => node.invocations.size === 1);
    call.destroy();
    await until(() => node.invocations.size === 0);
    assert.equal(client.says(hubProtocols.json.completionVoid("s1")), false, "late");
    assert.deepEqual(
      node.events.map((event) => event.name === "client.call_unanswered" && event.outcome),
      ["abandoned"],
    );
  });

  test("is not answered for by another, and an answer does not outlive its call", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const other = node.connect("d");
    const answer = (json: string): Buffer => hubProtocols.json.completionResult("s1", Buffer.from(json));
    const response = invoke(node);
    await until(() => node.invocations.size === 1);
    assert.equal(other.says(answer('"foreign"')), false);
    assert.equal(client.says(answer('"own"')), true);
    assert.equal(client.says(answer('"twice"')), false);
    assert.equal((await response).body, '{"result":"own"}');
  });

  test("does not keep other callers from a connection that stays open for all of them", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    answering(node, "1");
    const silent = node.connect("d");
    const path = URL_OF_C.replace("/c/", "/d/");
    const body = '{"target":"ask"}';
    const waiting = request({
      port,
      host: "127.0.0.1",
      method: "POST",
      path,
      headers: node.headers(path, { body }),
    });
    waiting.end(body);
    await until(() => node.invocations.size === 1);
    assert.equal((await invoke(node)).body, '{"result":1}');
    silent.says(hubProtocols.json.completionVoid("s1"));
    const [response] = await once(waiting, "response");
    assert.equal(response.statusCode, 200);
    response.resume();
  });

  test("leaves room for so many calls: further ones get 503", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const waiting = Array.from({ length: 100 }, () => invoke(node));
    await until(() => node.invocations.size === 100);
    const { statusCode, headers } = await invoke(node);
    assert.equal(statusCode, 503);
    assert.equal(headers["x-ms-error-code"], "Error.Service.Busy");
    client.leave();
    for (const response of waiting) assert.equal((await response).statusCode, 400);
    assert.equal(node.invocations.size, 0);
  });
});
