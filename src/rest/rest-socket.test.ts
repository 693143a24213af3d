import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { RestNode, type RestRequest } from "../../test/support/rest-node.ts";

const SEND = "/api/hubs/chat/:send?api-version=2022-06-01";

/** Sends these bytes piece by piece, and resolves to everything that comes back until the service hangs up. */
async function exchange(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  for (const piece of pieces)
    if (!socket.write(piece)) await once(socket, "drain");
    else await new Promise(setImmediate);
  await once(socket, "close");
  return answer;
}

/** The head of a request that is the last of its connection. */
function head(node: RestNode, requestLine: string, headers: Readonly<Record<string, string>> = {}): string {
  const [, path = ""] = requestLine.split(" ");
  const all = { host: "localhost", connection: "close", ...node.headers(path), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

describe("over a socket", () => {
  test("a chunked body may be cut anywhere, as the .NET SDK sends it", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const port = await node.listen();
    const body = Buffer.from('{"Target":"say","Arguments":["ü"]}');
    const chunks = [...body].map((byte) =>
      Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]),
    );
    const headers = { ...JSON_TYPE, "transfer-encoding": "chunked" };
    const answer = await exchange(port, head(node, `POST ${SEND}`, headers), ...chunks, "0\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 202 /);
    assert.deepEqual(client.sent, ['{"type":1,"target":"say","arguments":["ü"]}\x1e']);
  });

  test("an escaped path arrives as it was escaped", async () => {
    await using node = await RestNode.start();
    node.connect("c");
    const port = await node.listen();
    const url = "/api/hubs/chat/groups/a%2fb%20%25/connections/c?api-version=2022-06-01";
    assert.match(
      await exchange(port, head(node, `PUT ${url}`, { "content-length": "0" })),
      /^HTTP\/1\.1 200 /,
    );
    assert.equal(await node.router.exists("chat", { to: "group", group: "a/b %" }), true);
  });

  test("dots in a path are names, not steps", async () => {
    await using node = await RestNode.start();
    node.connect("c", { groups: [".."] });
    const port = await node.listen();
    const url = "/api/hubs/chat/groups/..?api-version=2022-06-01";
    assert.match(await exchange(port, head(node, `HEAD ${url}`)), /^HTTP\/1\.1 200 /);
  });

  test("a request line with an origin, as proxies write it, is served", async () => {
    await using node = await RestNode.start();
    node.connect("c", { groups: ["g"] });
    const port = await node.listen();
    const url = "http://proxy.example/api/hubs/chat/groups/g?api-version=2022-06-01";
    assert.match(await exchange(port, head(node, `HEAD ${url}`)), /^HTTP\/1\.1 200 /);
  });

  test("a malformed escape is answered with 400 and an ErrorDetail", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    const answer = await exchange(port, head(node, "GET /api/hubs/chat/groups/%zz?api-version=2022-06-01"));
    assert.match(answer, /^HTTP\/1\.1 400 .*x-ms-error-code: Error\.Request\.Invalid\r\n.*"target":"path"/s);
  });

  test("a wrong method is answered with 405 and Allow, also when its body is unreadable", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    const answer = await exchange(
      port,
      head(node, `PATCH ${SEND}`, { "content-type": "?", "content-length": "1" }),
      "{",
    );
    assert.match(answer, /^HTTP\/1\.1 405 .*\r\nallow: POST\r\n/is);
  });

  test("HEAD has the status and the code of GET, without a body", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    const url = "/api/hubs/chat/users/u/groups/g?api-version=2022-06-01";
    const [get, headOnly] = [
      await exchange(port, head(node, `GET ${url}`)),
      await exchange(port, head(node, `HEAD ${url}`)),
    ];
    for (const answer of [get, headOnly])
      assert.match(answer, /^HTTP\/1\.1 404 .*\r\nx-ms-error-code: Info\.User\.NotInGroup\r\n/s);
    assert.match(get, /\r\n\r\n\{"code":"Info\.User\.NotInGroup".*\}$/s);
    assert.match(headOnly, /\r\n\r\n$/);
  });

  test("204 has no content length", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    const answer = await exchange(
      port,
      head(node, "DELETE /api/hubs/chat/users/u/groups?api-version=2022-06-01"),
    );
    assert.match(answer, /^HTTP\/1\.1 204 /);
    assert.doesNotMatch(answer, /content-length|content-type/i);
  });

  for (const framing of ["content-length", "chunked"] as const)
    test(`a caller who sends more than the limit before reading gets 413 all the same: ${framing}`, async () => {
      await using node = await RestNode.start();
      const port = await node.listen();
      const headers = { ...JSON_TYPE, connection: "keep-alive" };
      const next = head(node, "GET /api/health");
      const piece = Buffer.alloc(65_536, "x");
      const pieces = Array.from({ length: 48 }, () => piece);
      const answer =
        framing === "chunked"
          ? await exchange(
              port,
              head(node, `POST ${SEND}`, { ...headers, "transfer-encoding": "chunked" }),
              ...pieces.flatMap((each) => ["10000\r\n", each, "\r\n"]),
              "0\r\n\r\n",
              next,
            )
          : await exchange(
              port,
              head(node, `POST ${SEND}`, { ...headers, "content-length": String(48 * 65_536) }),
              ...pieces,
              next,
            );
      assert.match(answer, /^HTTP\/1\.1 413 .*\r\nx-ms-error-code: Error\.Request\.TooLarge\r\n/s);
      assert.match(answer, /HTTP\/1\.1 200 /, "and the connection goes on");
    });

  test("a caller without a good token is answered before the body came", async () => {
    await using node = await RestNode.start();
    const port = await node.listen();
    const headers = { ...JSON_TYPE, authorization: "", "content-length": "1000" };
    const answer = exchange(port, head(node, `POST ${SEND}`, headers), Buffer.alloc(10));
    assert.match(await answer, /^HTTP\/1\.1 401 .*\r\nwww-authenticate: Bearer\r\n/is);
  });

  test("a caller who leaves in the middle of a body does no harm", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const port = await node.listen();
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`${head(node, `POST ${SEND}`, { ...JSON_TYPE, "content-length": "1000" })}{"target":`);
    const [request] = (await once(node.app.server, "request")) as [NodeJS.ReadableStream];
    const gone = new Promise((resolve) => request.once("close", resolve));
    socket.destroy();
    await gone;
    const next: RestRequest = { body: '{"target":"say"}' };
    assert.equal((await node.call("POST", SEND, next)).statusCode, 202);
    assert.equal(client.sent.length, 1);
    assert.deepEqual(
      node.events.map(({ name }) => name),
      ["rest.refused"],
    );
  });

  test("several requests of one connection are answered in their order", async () => {
    await using node = await RestNode.start();
    const client = node.connect("c");
    const port = await node.listen();
    const send = (index: number, connection: string): string => {
      const body = `{"target":"t","arguments":[${index}]}`;
      const headers = { ...JSON_TYPE, connection, "content-length": String(body.length) };
      return head(node, `POST ${SEND}`, headers) + body;
    };
    const requests = Array.from({ length: 20 }, (_, index) =>
      send(index, index === 19 ? "close" : "keep-alive"),
    );
    const answer = await exchange(port, requests.join(""));
    assert.equal(answer.match(/HTTP\/1\.1 202 /g)?.length, 20);
    assert.deepEqual(
      client.sent,
      requests.map((_, index) => `{"type":1,"target":"t","arguments":[${index}]}\x1e`),
    );
  });
});
