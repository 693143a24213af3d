import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCounter, logEvents } from "./events.ts";
import { createLogger } from "./logger.ts";

function logOf(level: "info" | "debug"): {
  emit: ReturnType<typeof logEvents>;
  lines: Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { emit: logEvents(createLogger({ level, format: "json", stream })), lines };
}

test("an event is one line with its name, its fields and its message, at its level", () => {
  const { emit, lines } = logOf("info");
  emit({ name: "client.refused", hub: "chat", status: 401, reason: "no token" });
  const { time, ...line } = lines[0] ?? {};
  assert.ok(time);
  assert.deepEqual(line, {
    level: 30,
    event: "client.refused",
    hub: "chat",
    status: 401,
    reason: "no token",
    msg: "Refused a client",
  });
});

test("daily traffic is not logged by default", () => {
  const closed = {
    name: "client.closed",
    hub: "h",
    connectionId: "c",
    category: "Normal",
    reason: "",
  } as const;
  const [info, debug] = [logOf("info"), logOf("debug")];
  info.emit(closed);
  debug.emit(closed);
  assert.deepEqual([info.lines.length, debug.lines.length], [0, 1]);
});

test("an error is logged with its stack, its code and its causes, but not with what it failed on", () => {
  const { emit, lines } = logOf("info");
  const cause = new Error("disk is full");
  const error = Object.assign(new TypeError("cannot write", { cause }), {
    code: "E_X",
    input: "planted-secret",
  });
  emit({ name: "store.failed", error });
  emit({ name: "store.failed", error: "text" });
  const err = lines[0]?.["err"] as Record<string, unknown>;
  assert.deepEqual(
    [err["type"], err["code"], err["message"]],
    ["TypeError", "E_X", "cannot write: disk is full"],
  );
  assert.match(String(err["stack"]), /events\.test/);
  assert.deepEqual(lines[1]?.["err"], { message: "text" });
  assert.ok(!JSON.stringify(lines).includes("planted-secret"));
});

test("no line grows with what a peer chose", () => {
  const { emit, lines } = logOf("info");
  const unhandled = { name: "client.invocation_unhandled", hub: "h", connectionId: "c" } as const;
  emit({ ...unhandled, target: "t".repeat(1_000_000), tried: "", count: 1 });
  assert.equal(String(lines[0]?.["target"]).length, 257);
});

test("events are counted by name", () => {
  const counter = new EventCounter();
  const { emit } = counter;
  emit({ name: "service.stopped" });
  emit({ name: "service.stopped" });
  assert.deepEqual([counter.of("service.stopped"), counter.of("service.started")], [2, 0]);
});
