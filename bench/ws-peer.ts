/*
 * What the package `ws` alone needs to receive a message and to send one: each invocation is answered with a completion of its
 * argument, by cutting the text. No hub, no token, no ping.
 *
 *     npm exec -- node bench/ws-peer.ts --port 7073
 */
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "7073" } } });
const INVOCATION = /^{"type":1,"invocationId":"(\d+)".*"arguments":\[(.*)\]}$/;

const server = new WebSocketServer({
  port: Number(options.port),
  host: "127.0.0.1",
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  socket.on("message", (data: Buffer) => {
    const answers = data.toString("latin1").split("\x1e").map(answerTo).join("");
    if (answers !== "") socket.send(answers);
  });
});

function answerTo(record: string): string {
  if (record.startsWith('{"protocol"')) return "{}\x1e";
  const [, invocationId, argument] = INVOCATION.exec(record) ?? [];
  return invocationId === undefined
    ? ""
    : `{"type":3,"invocationId":"${invocationId}","result":${argument}}\x1e`;
}
