import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EVENT_STREAM_START, serverSentEvent } from "./server-sent-event.ts";

function event(text: string): string {
  return serverSentEvent(Buffer.from(text)).toString();
}

/** What a client gets from an event: https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2.6. */
function received(stream: string): string {
  const lines = stream.split(/\r\n|\n|\r/);
  assert.deepEqual(lines.splice(-2), ["", ""], "an event ends with an empty line");
  assert.ok(lines.every((line) => line.startsWith("data: ")));
  return lines.map((line) => line.slice("data: ".length)).join("\n");
}

describe("a server-sent event", () => {
  test("is one line for hub messages without line breaks", () => {
    assert.equal(event('{"type":6}\x1e{"type":7}\x1e'), 'data: {"type":6}\x1e{"type":7}\x1e\r\n\r\n');
    assert.equal(event("é😀"), "data: é😀\r\n\r\n");
  });

  test("has a line for each line of its text, as ASP.NET writes it", () => {
    assert.equal(
      event("l1\nl2\r\nl3\n\nl6\n"),
      "data: l1\r\ndata: l2\r\ndata: l3\r\ndata: \r\ndata: l6\r\ndata: \r\n\r\n",
    );
  });

  test("loses nothing behind a lone carriage return, which JSON may have as white space", () => {
    assert.equal(event("[1,\r2]\r\r\n3"), "data: [1,\r\ndata: 2]\r\ndata: \r\ndata: 3\r\n\r\n");
  });

  test("brings any text to the client, with line feeds for all line breaks", () => {
    const text = fc.array(
      fc.oneof(fc.constantFrom("\r", "\n", "\r\n", ":", "data: "), fc.string({ unit: "grapheme" })),
    );
    fc.assert(
      fc.property(
        text.map((parts) => parts.join("").toWellFormed()),
        (sent) => {
          assert.equal(received(event(sent)), sent.replace(/\r\n|\r/g, "\n"));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("comes after a comment of three bytes", () =>
    assert.deepEqual(EVENT_STREAM_START, Buffer.of(0x3a, 0x0d, 0x0a)));
});
