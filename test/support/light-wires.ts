import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { WebSocket } from "ws";

/** What a wire tells its client. */
export interface WireListener {
  bytes(chunk: Buffer): void;
  /** The connection is over, whoever ended it; may be told more than once. */
  ended(reason: string): void;
}

/** A client's way to the service, under a URL that was negotiated. */
export interface Wire {
  /** What is sent arrives in this order. */
  send(bytes: Buffer): void;
  /** Ends it as a client does that wants to leave. */
  leave(): void;
  /** Ends it as a network does that fails. */
  drop(): void;
}

export type WireName = "webSocket" | "eventStream" | "longPolling";

type OpenWire = (url: string, listener: WireListener) => Promise<Wire>;

/** A WebSocket of `ws`. */
async function webSocket(url: string, listener: WireListener): Promise<Wire> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), { perMessageDeflate: false });
  socket.on("message", (data: Buffer) => listener.bytes(data));
  socket.on("close", (code) => listener.ended(`the WebSocket closed with ${code}`));
  await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.on("error", (error) => listener.ended(error.message));
  return {
    send: (bytes) => socket.send(bytes),
    leave: () => socket.close(1000),
    drop: () => socket.terminate(),
  };
}

/** An event stream, and posts. */
async function eventStream(url: string, listener: WireListener): Promise<Wire> {
  const asking = request(url, { headers: { Accept: "text/event-stream" }, agent: false }).end();
  asking.on("error", (error) => listener.ended(error.message));
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const events = (text + chunk).split("\r\n\r\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\r\n").filter((line) => line.startsWith("data: "));
      listener.bytes(Buffer.from(lines.map((line) => line.slice("data: ".length)).join("\n")));
    }
  });
  response.on("error", () => {});
  response.on("close", () => listener.ended("the event stream ended"));
  const leave = (): void => void asking.destroy();
  return { send: poster(url), leave, drop: leave };
}

/** Polls, and posts. */
async function longPolling(url: string, listener: WireListener): Promise<Wire> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let isDropped = false;
  const poll = async (): Promise<void> => {
    while (!isDropped) {
      const { status, body } = await call("GET", url, { agent });
      if (status !== 200) return listener.ended(`a poll was answered with ${status}`);
      if (body.length > 0) listener.bytes(body);
    }
  };
  await call("GET", url, { agent });
  void poll().catch((error: unknown) => listener.ended(String(error)));
  return {
    send: poster(url),
    leave: () => void call("DELETE", url),
    drop: () => {
      isDropped = true;
      agent.destroy();
    },
  };
}

export const wires: Readonly<Record<WireName, OpenWire>> = { webSocket, eventStream, longPolling };

/** Posts one after the other. What comes too late for a connection that has ended is lost with its error. */
function poster(url: string): (bytes: Buffer) => void {
  let last: Promise<unknown> = Promise.resolve();
  return (body) => {
    last = last.then(() => call("POST", url, { body })).catch(() => {});
  };
}

async function call(
  method: string,
  url: string,
  { agent = false, body }: { agent?: Agent | false; body?: Buffer } = {},
): Promise<{ status: number; body: Buffer }> {
  const asking = request(url, { method, agent }).end(body);
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) };
}
