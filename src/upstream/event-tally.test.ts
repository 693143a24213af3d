import assert from "node:assert/strict";
import { test } from "node:test";
import type { HubwireEvent } from "../core/events.ts";
import { EventTally } from "./event-tally.ts";

function dropped(connectionId: string) {
  const about = { hub: "chat", category: "messages", event: "e", connectionId, reason: "busy" };
  return { name: "upstream.dropped", ...about, count: 1 } as const;
}

function recorded(): { tally: EventTally; told: () => unknown[] } {
  const events: HubwireEvent[] = [];
  return {
    tally: new EventTally((event) => void events.push(event)),
    told: () =>
      events.splice(0).map((event) => ("count" in event ? [event.connectionId, event.count] : event)),
  };
}

test("of each kind the first is told at once, the others as a sum with the fields of the last", () => {
  const { tally, told } = recorded();
  for (const id of ["a", "b", "c"]) tally.add(dropped(id), "kind");
  tally.add(dropped("d"), "other kind");
  assert.deepEqual(told(), [
    ["a", 1],
    ["d", 1],
  ]);
  tally.flush();
  assert.deepEqual(told(), [["c", 2]]);
});

test("what goes on is told by its sums alone, what has stopped begins anew", () => {
  const { tally, told } = recorded();
  tally.add(dropped("a"), "kind");
  tally.add(dropped("b"), "kind");
  tally.flush();
  told();
  tally.add(dropped("c"), "kind");
  assert.deepEqual(told(), []);
  tally.flush();
  assert.deepEqual(told(), [["c", 1]]);
  tally.flush();
  tally.add(dropped("d"), "kind");
  assert.deepEqual(told(), [["d", 1]]);
});

test("kinds that peers choose are not kept without bound, and none is lost", () => {
  const { tally, told } = recorded();
  for (let kind = 0; kind < 1_000; kind++) tally.add(dropped(`${kind}`), `${kind}`);
  const first = told();
  assert.equal(first.length, 201);
  tally.flush();
  assert.deepEqual(told(), [["999", 799]]);
});
