// A webhook by hand: prints who comes and goes, and answers what JSON and MessagePack clients invoke. See docs/upstream.md.
import { createServer, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { JsonHubProtocol, MessageType } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { decode } from "@msgpack/msgpack";

async function answer(request: IncomingMessage): Promise<string | Buffer> {
  const { "x-asrs-event": event, "x-asrs-connection-id": client, "content-type": type } = request.headers;
  const body = await buffer(request);
  const isJson = type === "application/json";
  const message = isJson ? JSON.parse(body.toString()) : decode(body);
  const [invocationId, args] = isJson ? [message.invocationId, message.arguments] : [message[2], message[4]];
  console.log(event, client);
  if (!invocationId) return ""; // the client has come or gone, or waits for no result
  const outcome = event === "Add" ? { result: args[0] + args[1] } : { error: "There is no such method." };
  const protocol = isJson ? new JsonHubProtocol() : new MessagePackHubProtocol();
  const completion = protocol.writeMessage({ type: MessageType.Completion, invocationId, ...outcome });
  return typeof completion === "string" ? completion : Buffer.from(completion);
}

const server = createServer((request, response) => {
  const refuse = () => response.writeHead(400).end();
  answer(request).then((completion) => response.end(completion), refuse);
});
server.listen({ port: process.env["PORT"] ?? 7071, host: "localhost" });
server.on("listening", () => console.log("listens", server.address()));
