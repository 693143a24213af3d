import type { IncomingMessage } from "node:http";

/** Whether the request asks for an event stream: `text/event-stream` without parameters, anywhere in `Accept`. */
export function acceptsEventStream(request: IncomingMessage): boolean {
  const accept = request.headers.accept;
  return (
    accept !== undefined &&
    accept.split(",").some((type) => type.trim().toLowerCase() === "text/event-stream")
  );
}
