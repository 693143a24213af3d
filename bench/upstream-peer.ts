/*
 * A webhook on loopback for the benchmark: an invocation is answered with a completion that has its first argument.
 * It reads HTTP by itself, in a third of the time of `node:http`, so that it is not what is measured.
 *
 *     npm exec -- node bench/upstream-peer.ts --port 7071
 */
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "7071" } } });

createServer({ noDelay: true }, serve).listen(Number(options.port), "127.0.0.1");

/** One request after the other, each with a Content-Length. */
function serve(socket: Socket): void {
  let received = "";
  socket.setEncoding("latin1");
  socket.on("error", () => {});
  socket.on("data", (text: string) => {
    received += text;
    const bodyAt = received.indexOf("\r\n\r\n") + 4;
    if (bodyAt < 4) return;
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, bodyAt)) ?? [];
    if (received.length < bodyAt + Number(length)) return;
    const completion = completionOf(received.slice(bodyAt));
    received = "";
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${completion.length}\r\n\r\n${completion}`, "latin1");
  });
}

/** Nothing for the coming and going of clients. */
function completionOf(body: string): string {
  const message = JSON.parse(body) as { type: number; invocationId?: string; arguments?: unknown[] };
  if (message.type !== 1) return "";
  const { invocationId, arguments: [result] = [] } = message;
  return `${JSON.stringify({ type: 3, invocationId, result })}\x1e`;
}
