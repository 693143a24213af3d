import type { IncomingMessage } from "node:http";
import type { Connection } from "./connections.ts";

/** How the reception of one request body ended. */
export type PostOutcome = "received" | "aborted" | "gone" | "too large";

/**
 * Adds a request body to what the client sends, as it arrives: an aborted body leaves what came of it.
 * Bodies of parallel requests are taken one after the other, in the order in which the requests came.
 */
export async function receivePost(
  body: IncomingMessage,
  connection: Connection,
  limitBytes: number,
): Promise<PostOutcome> {
  if (Number(body.headers["content-length"]) > limitBytes) return "too large";
  const turn = connection.posting.then(() => read(body, connection, limitBytes));
  connection.posting = turn;
  return turn;
}

async function read(body: IncomingMessage, connection: Connection, limitBytes: number): Promise<PostOutcome> {
  if (connection.isGone) return "gone";
  let receivedBytes = 0;
  try {
    // Whoever stops in the midst of a body must still be able to answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      await connection.session?.resumed;
      receivedBytes += chunk.length;
      if (receivedBytes > limitBytes) return "too large";
      if (!connection.receive(chunk)) return "gone";
    }
  } catch {
    // The stream failed because the client went away: there is nobody to tell.
    return "aborted";
  } finally {
    // What is left of the body goes nowhere; unread, it would keep the client from its answer and its next request.
    body.resume();
  }
  return "received";
}
