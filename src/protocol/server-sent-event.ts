const START = Buffer.from("data: ");
const END = Buffer.from("\r\n\r\n");
const LINE_BREAK = /\r\n|\n|\r/;

/** What an event stream begins with: a comment, so that the client's EventSource opens before there is an event. */
export const EVENT_STREAM_START: Buffer = Buffer.from(":\r\n");

/**
 * Text as one server-sent event, docs/spec/client-endpoint.md §2.4. Each of its lines is one of the event's, which
 * the client joins with line feeds. JSON has line breaks as white space only, so that its meaning stays.
 * ASP.NET leaves a CR without LF in its line; an EventSource then loses what follows, so that one splits here as well.
 * @param bytes UTF-8: whole hub messages
 */
export function serverSentEvent(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return Buffer.concat([START, bytes, END]);
  const lines = bytes.toString("latin1").split(LINE_BREAK);
  return Buffer.from(`${lines.map((line) => `data: ${line}\r\n`).join("")}\r\n`, "latin1");
}
