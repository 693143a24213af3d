import assert from "node:assert/strict";
import { test } from "node:test";
import { type Batch, Outbox, type OutboxSink, writePending } from "./outbox.ts";

class Sink implements OutboxSink {
  pending: Batch | undefined;
  queued = false;
  readonly writes: Buffer[] = [];
  write(bytes: Buffer): void {
    this.writes.push(bytes);
  }
  get text(): string[] {
    return this.writes.map(String);
  }
}

/** An outbox whose turn ends when the test says so. */
function outbox(): { out: Outbox; endTurn: () => void; scheduled: () => number } {
  let flushes: (() => void)[] = [];
  return {
    out: new Outbox((flush) => flushes.push(flush)),
    scheduled: () => flushes.length,
    endTurn: () => {
      const due = flushes;
      flushes = [];
      for (const flush of due) flush();
    },
  };
}

test("what a sink is sent within one turn leaves in one write, in order", () => {
  const { out, endTurn, scheduled } = outbox();
  const sink = new Sink();
  for (const piece of ["a", "b", "c"]) out.append(sink, Buffer.from(piece));
  assert.deepEqual(sink.writes, []);
  assert.equal(scheduled(), 1);
  endTurn();
  assert.deepEqual(sink.text, ["abc"]);
  endTurn();
  assert.deepEqual(sink.text, ["abc"]);
});

test("sinks with the same pending messages are written the very same buffer; one joined copy serves all", () => {
  const { out, endTurn } = outbox();
  const sinks = Array.from({ length: 5 }, () => new Sink());
  for (const piece of [Buffer.from("one,"), Buffer.from("two")])
    for (const sink of sinks) out.append(sink, piece);
  endTurn();
  assert.deepEqual(sinks[0]?.text, ["one,two"]);
  for (const sink of sinks) assert.equal(sink.writes[0], sinks[0]?.writes[0]);
});

test("a single message is written as it is, without a copy", () => {
  const { out, endTurn } = outbox();
  const sink = new Sink();
  const piece = Buffer.from("alone");
  out.append(sink, piece);
  endTurn();
  assert.equal(sink.writes[0], piece);
});

test("sinks in overlapping groups get what each was sent, in order, and share what they share", () => {
  const { out, endTurn } = outbox();
  const both = [new Sink(), new Sink()];
  const onlyFirst = new Sink();
  const onlySecond = new Sink();
  const own = Buffer.from("own;");
  const [first, second, all] = [Buffer.from("g1;"), Buffer.from("g2;"), Buffer.from("all;")];
  out.append(both[0] as Sink, own);
  for (const sink of [...both, onlyFirst]) out.append(sink, first);
  for (const sink of [onlySecond, ...both]) out.append(sink, second);
  for (const sink of [...both, onlyFirst, onlySecond]) out.append(sink, all);
  endTurn();
  assert.deepEqual(both[0]?.text, ["own;g1;g2;all;"]);
  assert.deepEqual(both[1]?.text, ["g1;g2;all;"]);
  assert.deepEqual(onlyFirst.text, ["g1;all;"]);
  assert.deepEqual(onlySecond.text, ["g2;all;"]);
});

test("a joined write stays within 64 KiB unless one message is larger", () => {
  const { out, endTurn } = outbox();
  const sink = new Sink();
  const piece = Buffer.alloc(40 * 1024, "x");
  const large = Buffer.alloc(100 * 1024, "y");
  for (const each of [piece, piece, large, piece]) out.append(sink, each);
  endTurn();
  assert.deepEqual(
    sink.writes.map(({ length }) => length),
    [40 * 1024, 40 * 1024, 100 * 1024, 40 * 1024],
  );
});

test("replies leave ahead of the end of the turn, and nothing leaves twice", () => {
  const { out, endTurn } = outbox();
  const sink = new Sink();
  out.append(sink, Buffer.from("reply"));
  writePending(sink);
  assert.deepEqual(sink.text, ["reply"]);
  out.append(sink, Buffer.from("later"));
  endTurn();
  assert.deepEqual(sink.text, ["reply", "later"]);
});

test("what is appended while the turn is flushed leaves in the next turn", () => {
  const { out, endTurn } = outbox();
  const sink = new Sink();
  const echo = new (class extends Sink {
    override write(bytes: Buffer): void {
      super.write(bytes);
      if (this.writes.length === 1) out.append(sink, Buffer.from("answer"));
    }
  })();
  out.append(echo, Buffer.from("question"));
  endTurn();
  assert.deepEqual(sink.writes, []);
  endTurn();
  assert.deepEqual(sink.text, ["answer"]);
});
