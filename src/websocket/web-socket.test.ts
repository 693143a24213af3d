import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import * as ws from "ws";
import { clientClose, clientFrame, clientText, FIN } from "../../test/support/client-frame.ts";
import { readToEnd, type ServerEnd, WebSocketServer } from "../../test/support/web-socket-server.ts";
import { closeFrame, frame, Opcode } from "../protocol/websocket-frame.ts";

async function connected(server: WebSocketServer): Promise<{ client: ws.WebSocket; end: ServerEnd }> {
  const client = new ws.WebSocket(server.url);
  client.on("error", () => {});
  const [end] = await Promise.all([server.accepted(), once(client, "open")]);
  return { client, end };
}

/** Answers each message with itself. */
function echo(end: ServerEnd): void {
  end.onMessage = (data, isBinary) =>
    end.webSocket.write(frame(isBinary ? Opcode.binary : Opcode.text, data));
}

/** Lets whatever is on its way on other connections arrive. */
async function roundTrips(server: WebSocketServer): Promise<void> {
  const { client, end } = await connected(server);
  echo(end);
  for (let round = 0; round < 3; round++) {
    client.send("round trip");
    await once(client, "message");
  }
  client.terminate();
}

const text = (value: string): Buffer => frame(Opcode.text, Buffer.from(value));

for (const length of [0, 1, 125, 126, 65_535, 65_536, 5_000_000]) {
  test(`messages of ${length} bytes go both ways unchanged`, async () => {
    await using server = await WebSocketServer.start();
    const { client, end } = await connected(server);
    echo(end);
    for (const binary of [true, false]) {
      const sent = Buffer.alloc(length, "0123456789abcdefghi€");
      const data = binary ? sent : sent.subarray(0, length - (length % 22));
      client.send(data, { binary });
      const [answer, isBinary] = (await once(client, "message")) as [Buffer, boolean];
      assert.equal(isBinary, binary);
      assert.ok(answer.equals(data));
    }
  });
}

test("frames joined into one write are separate messages", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  const messages: string[] = [];
  client.on("message", (data: Buffer) => messages.push(data.toString()));
  end.webSocket.write(Buffer.concat([text("a"), text("b"), text("c")]));
  end.webSocket.close(1000);
  await once(client, "close");
  assert.deepEqual(messages, ["a", "b", "c"]);
});

test("a ping is answered with its payload, also inside of a message", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  client.send("a", { fin: false });
  client.ping("Hello");
  const [payload] = (await once(client, "pong")) as [Buffer];
  assert.equal(payload.toString(), "Hello");
  client.send("b", { fin: true });
  await end.receives(1);
  assert.deepEqual(end.texts, ["ab"]);
});

test("pings of one read are answered in their order, ahead of the close frame", async () => {
  await using server = await WebSocketServer.start();
  const pings = ["1", "2", "3"].map((payload) =>
    clientFrame({ first: FIN | 9, payload: Buffer.from(payload) }),
  );
  const { socket } = await server.connectRaw(Buffer.concat([...pings, clientClose(1000)]));
  assert.equal((await readToEnd(socket)).toString("hex"), "8a01318a01328a0133" + "880203e8");
});

test("a peer that pings and does not read is not answered without bound", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  socket.pause();
  const ping = clientFrame({ first: FIN | 9, payload: Buffer.alloc(125) });
  for (let megabytes = 0; megabytes < 24; megabytes++) socket.write(Buffer.concat(Array(8_000).fill(ping)));
  socket.write(clientText("done"));
  await end.receives(1);
  assert.ok(end.webSocket.bufferedBytes > 64 * 1024, "the flood was too small to fill the network");
  assert.ok(end.webSocket.bufferedBytes <= 64 * 1024 + 127);
});

test("a pong of the peer means nothing", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  client.pong("x");
  client.send("after");
  await end.receives(1);
  assert.deepEqual(end.texts, ["after"]);
});

for (const code of [1000, 1001, 1011, 3000, 4001]) {
  test(`a peer's close with ${code} is answered with 1000`, async () => {
    await using server = await WebSocketServer.start();
    const { client, end } = await connected(server);
    client.close(code, "bye");
    const [answered] = (await once(client, "close")) as [number];
    assert.equal(answered, 1000);
    assert.deepEqual(end.closed, [{ code, reason: "bye" }]);
    await server.empty();
    assert.equal(end.webSocket.isGone, true);
  });
}

test("a peer's close without a code is answered with 1000 and told as 1005", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  client.close();
  const [answered] = (await once(client, "close")) as [number];
  assert.equal(answered, 1000);
  assert.deepEqual(end.closed, [{ code: 1005, reason: "" }]);
});

test("a peer's close ends the TCP connection from our side", async () => {
  await using server = await WebSocketServer.start();
  const { socket } = await server.connectRaw(clientClose(1000));
  assert.equal((await readToEnd(socket)).toString("hex"), "880203e8");
});

test("our close reaches the peer with code and reason, and its answer ends the connection", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  end.webSocket.write(text("last"));
  end.webSocket.close(1001, "shutting down");
  end.webSocket.write(text("too late"));
  end.webSocket.close(1011, "too late");
  const messages: string[] = [];
  client.on("message", (data: Buffer) => messages.push(data.toString()));
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  assert.deepEqual([messages, code, reason.toString()], [["last"], 1001, "shutting down"]);
  assert.deepEqual(end.closed, [{ code: 1001, reason: "shutting down" }]);
});

test("after our close frame only the peer's close frame counts", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  end.webSocket.close(1000);
  const ignored = [clientText("ignored"), clientFrame({ first: FIN | 9 })];
  socket.write(Buffer.concat([...ignored, clientClose(4000, "mine"), clientText("never")]));
  assert.ok((await readToEnd(socket)).equals(closeFrame(1000)));
  assert.deepEqual(end.received, [{ closed: { code: 4000, reason: "mine" } }]);
  assert.equal(end.readEnds, 0);
});

test("W15: a peer that never answers our close, and sends on, is dropped by destroy", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  end.webSocket.close(1000);
  socket.write(clientText("still here"));
  await once(socket, "data");
  assert.deepEqual(end.received, []);
  end.webSocket.destroy();
  await end.receives(1);
  assert.deepEqual(end.closed, [{ code: undefined, reason: "" }]);
  assert.equal(end.webSocket.isGone, true);
});

test("destroy drops the connection, and only its end is still told", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  end.onMessage = () => {
    end.webSocket.destroy();
    end.webSocket.destroy();
    end.webSocket.write(text("never"));
    assert.deepEqual(end.closed, [], "not told from inside of destroy");
  };
  socket.write(Buffer.concat([clientText("a"), clientText("b"), clientFrame({ first: FIN | 9 })]));
  await end.receives(2);
  assert.deepEqual(end.texts, ["a"]);
  assert.deepEqual(end.closed, [{ code: undefined, reason: "" }]);
  assert.equal(end.readEnds, 0);
});

const violations: readonly [string, Buffer, string][] = [
  ["an unmasked frame", text("a"), "A client's frame is not masked."],
  ["a reserved bit", clientFrame({ first: FIN | 0x40 | 1 }), "A reserved bit is set."],
];

for (const [name, bytes, reason] of violations) {
  test(`${name} is answered with close frame 1002, behind the replies to what came before`, async () => {
    await using server = await WebSocketServer.start();
    const { socket, end } = await server.connectRaw();
    end.onReadEnd = () => end.webSocket.write(text("reply"));
    socket.write(Buffer.concat([clientText("a"), bytes]));
    const answer = await readToEnd(socket);
    assert.ok(answer.equals(Buffer.concat([text("reply"), closeFrame(1002, reason)])));
    assert.deepEqual(end.texts, ["a"]);
    assert.deepEqual(end.closed, [{ code: undefined, reason: "", error: reason }]);
  });
}

test("text that is not UTF-8 is answered with close frame 1007", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  client.send(Buffer.from("ff", "hex"), { binary: false });
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  assert.deepEqual([code, reason.toString()], [1007, "A text message is not UTF-8."]);
  assert.equal(end.closed.length, 1);
});

test("a peer that sends on after a violation still gets the close frame, and its end lets the socket go", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  socket.write(text("not masked"));
  await end.receives(1);
  await roundTrips(server);
  assert.equal(end.webSocket.isGone, false);
  for (let count = 0; count < 50; count++) socket.write(Buffer.alloc(65_536));
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  socket.end(resolve);
  await sent;
  assert.ok((await readToEnd(socket)).equals(closeFrame(1002, "A client's frame is not masked.")));
  await server.empty();
  assert.equal(end.webSocket.isGone, true);
  assert.equal(end.received.length, 1);
});

test("a peer that ends its side without a close frame is dropped, without an error", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  socket.end(clientText("last"));
  await end.receives(2);
  assert.deepEqual(end.texts, ["last"]);
  assert.deepEqual(end.closed, [{ code: undefined, reason: "" }]);
  assert.equal(end.webSocket.isGone, true);
});

test("W13: a reset is told with the network's error", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  await once(socket, "data");
  socket.resetAndDestroy();
  await end.receives(1);
  assert.equal(end.closed.length, 1);
  assert.match(end.closed[0]?.error ?? "", /ECONNRESET/);
});

test("writing to a peer that is gone ends in onClosed and nowhere else", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  end.webSocket.pause();
  await once(socket, "data");
  socket.resetAndDestroy();
  const timer = setInterval(() => end.webSocket.write(text("hello?")), 1);
  await end.receives(1);
  clearInterval(timer);
  assert.equal(end.closed.length, 1);
});

test("frames that came together with the handshake are handed over after accept has returned", async () => {
  await using server = await WebSocketServer.start();
  const { end } = await server.connectRaw(Buffer.concat([clientText("a"), clientText("b")]));
  await end.receives(2);
  assert.deepEqual(end.texts, ["a", "b"]);
  assert.equal(end.readEnds, 1);
});

test("a paused connection hands nothing over until it is resumed", async () => {
  await using server = await WebSocketServer.start();
  const paused = await server.connectRaw();
  paused.end.webSocket.pause();
  paused.socket.write(clientText("a"));
  await roundTrips(server);
  assert.deepEqual(paused.end.received, []);
  paused.end.webSocket.resume();
  await paused.end.receives(1);
  assert.deepEqual(paused.end.texts, ["a"]);
});

test("a paused connection that is closed still sees the peer's close frame", async () => {
  await using server = await WebSocketServer.start();
  const { client, end } = await connected(server);
  end.webSocket.pause();
  end.webSocket.close(1000);
  end.webSocket.pause();
  await once(client, "close");
  assert.deepEqual(end.closed, [{ code: 1000, reason: "" }]);
});

test("bytes are buffered until the network has taken them", async () => {
  await using server = await WebSocketServer.start();
  const { socket, end } = await server.connectRaw();
  const before = end.webSocket.takenBytes;
  end.webSocket.write(Buffer.alloc(16_000_000));
  assert.equal(end.webSocket.bufferedBytes, 16_000_000);
  assert.equal(end.webSocket.takenBytes, before);
  end.webSocket.close(1000);
  await readSome(socket, 16_000_000);
  socket.write(clientClose(1000));
  await end.receives(1);
  assert.equal(end.webSocket.bufferedBytes, 0);
  assert.ok(end.webSocket.takenBytes >= before + 16_000_000);
});

async function readSome(socket: NodeJS.ReadableStream, atLeast: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  socket.on("data", (chunk: Buffer) => {
    count += chunk.length;
    if (count >= atLeast) resolve();
  });
  await promise;
}

test("a socket that was lost before it could be accepted ends at once", async () => {
  await using server = await WebSocketServer.start();
  server.beforeAccept = async (socket) => {
    socket.destroy();
    await once(socket, "close");
  };
  const { end } = await server.connectRaw(clientText("a"));
  await end.receives(1);
  assert.deepEqual(end.received, [{ closed: { code: undefined, reason: "" } }]);
});
