import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LoggerOptions } from "./logger.ts";

function linesOf(options: Partial<LoggerOptions>, isTTY: boolean): string[] {
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    format: "auto",
    stream: { isTTY, write: (line) => void lines.push(line) },
    ...options,
  });
  logger.info({ event: "service.started", url: "http://a" }, "Serving");
  logger.debug("unseen");
  return lines;
}

test("each line is one JSON object where there is no terminal", () => {
  const lines = linesOf({}, false);
  assert.equal(lines.length, 1);
  const { time, ...line } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual(line, { level: 30, event: "service.started", url: "http://a", msg: "Serving" });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
});

test("lines are readable on a terminal, and written at once", () => {
  const [line = "", ...others] = linesOf({}, true);
  assert.equal(others.length, 0);
  assert.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] .*INFO.*Serving.*"url":"http:\/\/a"/);
});

test("the format can be asked for", () => {
  assert.match(linesOf({ format: "json" }, true)[0] ?? "", /^\{/);
  assert.match(linesOf({ format: "pretty" }, false)[0] ?? "", /^\[.*\] INFO: Serving/);
});

test("a level below the asked one is not written", () => {
  assert.deepEqual(linesOf({ level: "silent" }, false), []);
  assert.equal(linesOf({ level: "debug" }, false).length, 2);
});
