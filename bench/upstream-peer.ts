/*
 * A webhook on loopback for the benchmark: an invocation is answered with a completion that has its first argument.
 *
 *     npm exec -- node bench/upstream-peer.ts --port 7071
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "7071" } } });

createServer(answer).listen(Number(options.port), "127.0.0.1");

function answer(request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => (body += text));
  request.on("end", () => response.end(completionOf(body)));
}

/** Nothing for the coming and going of clients. */
function completionOf(body: string): string {
  const message = JSON.parse(body) as { type: number; invocationId?: string; arguments?: unknown[] };
  if (message.type !== 1) return "";
  const { invocationId, arguments: [result] = [] } = message;
  return `${JSON.stringify({ type: 3, invocationId, result })}\x1e`;
}
