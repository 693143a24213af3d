import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import test from "node:test";
import { acceptKey, handshakeResponse, isWebSocketUpgrade } from "./handshake.ts";

const complete: Readonly<Record<string, string>> = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** What node makes of a request with these headers. */
async function requestWith(
  headers: Readonly<Record<string, string | undefined>>,
  requestLine = "GET / HTTP/1.1",
): Promise<IncomingMessage> {
  const server = createServer({ shouldUpgradeCallback: () => false });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const received = once(server, "request");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}`,
  );
  socket.write([requestLine, "Host: localhost", ...lines, "", ""].join("\r\n"));
  const [request] = (await received) as [IncomingMessage];
  socket.destroy();
  server.close();
  return request;
}

const accepted: readonly [string, Readonly<Record<string, string>>][] = [
  ["as RFC 6455 §1.2 shows it", {}],
  ["with other cases", { Connection: "upgrade", Upgrade: "WebSocket" }],
  ["as Firefox sends it", { Connection: "keep-alive, Upgrade" }],
  ["among other tokens", { Connection: "keep-alive,UPGRADE , x", Upgrade: "h2c, websocket" }],
  [
    "with offers of subprotocols and extensions",
    {
      "Sec-WebSocket-Protocol": "json",
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    },
  ],
];

for (const [name, headers] of accepted) {
  test(`a handshake ${name} is one`, async () => {
    assert.equal(isWebSocketUpgrade(await requestWith({ ...complete, ...headers })), true);
  });
}

const refused: readonly [string, Readonly<Record<string, string | undefined>>][] = [
  ["no Connection", { Connection: undefined }],
  ["a Connection that does not upgrade", { Connection: "keep-alive" }],
  ["a Connection that only resembles", { Connection: "not-upgrade" }],
  ["no Upgrade", { Upgrade: undefined }],
  ["another Upgrade", { Upgrade: "h2c" }],
  ["no version", { "Sec-WebSocket-Version": undefined }],
  ["an older version", { "Sec-WebSocket-Version": "8" }],
  ["no key (W18)", { "Sec-WebSocket-Key": undefined }],
  ["an empty key", { "Sec-WebSocket-Key": "" }],
  ["a key of 15 bytes", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" }],
  ["a key of 18 bytes", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZWVl" }],
  ["a key that is not base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j!!==" }],
];

for (const [name, headers] of refused) {
  test(`a request with ${name} is no handshake`, async () => {
    assert.equal(isWebSocketUpgrade(await requestWith({ ...complete, ...headers })), false);
  });
}

test("only GET and HTTP/1.1 make a handshake", async () => {
  assert.equal(isWebSocketUpgrade(await requestWith(complete, "POST / HTTP/1.1")), false);
  assert.equal(isWebSocketUpgrade(await requestWith(complete, "GET / HTTP/1.0")), false);
});

test("the key of RFC 6455 §1.3 is accepted as it says", () => {
  assert.equal(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("W17: neither a subprotocol nor an extension is negotiated", async () => {
  const request = await requestWith({
    ...complete,
    "Sec-WebSocket-Protocol": "json",
    "Sec-WebSocket-Extensions": "permessage-deflate",
  });
  assert.equal(
    handshakeResponse(request),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});
