// A webhook by hand: prints who comes and goes, and answers what JSON clients invoke. Usage: docs/upstream.md.
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/** What the client is answered, as text; nothing where it waits for nothing. */
async function answer(request: IncomingMessage): Promise<string> {
  const { type, invocationId, target, arguments: args } = JSON.parse(await text(request));
  console.log(request.headers["x-asrs-event"], request.headers["x-asrs-connection-id"]);
  if (type !== 1 || invocationId === undefined) return "";
  const outcome = target === "Add" ? { result: args[0] + args[1] } : { error: `There is no ${target}.` };
  return `${JSON.stringify({ type: 3, invocationId, ...outcome })}\x1e`;
}

const server = createServer((request, response) => {
  answer(request).then(
    (completion) => response.end(completion),
    () => response.writeHead(400).end(),
  );
}).listen({ port: process.env["PORT"] ?? 7071, host: "localhost" }, () =>
  console.log("listens", server.address()),
);
