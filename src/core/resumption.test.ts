import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { EncodedMessage } from "./encoded-message.ts";
import { Resumption } from "./resumption.ts";

function message(text: string, count = 1): EncodedMessage {
  return new EncodedMessage(Buffer.from(text), "Text", count);
}

function replayed(resumption: Resumption): { sequenceId: number; texts: string[] } {
  const { sequenceId, messages } = resumption.replay();
  return { sequenceId, texts: messages.map(({ bytes }) => String(bytes)) };
}

test("a new socket starts with the oldest unacknowledged message, or the next one where all are acknowledged", () => {
  const resumption = new Resumption();
  for (const text of ["a", "b", "c"]) resumption.sending(message(text));
  assert.deepEqual(replayed(resumption), { sequenceId: 1, texts: ["a", "b", "c"] });
  resumption.acknowledged(2);
  assert.deepEqual(replayed(resumption), { sequenceId: 3, texts: ["c"] });
  resumption.acknowledged(3);
  assert.deepEqual(replayed(resumption), { sequenceId: 4, texts: [] });
  assert.equal(resumption.bufferedBytes, 0);
});

test("R19: an acknowledgement beyond what was sent empties the buffer", () => {
  const resumption = new Resumption();
  resumption.sending(message("a"));
  resumption.acknowledged(100);
  assert.deepEqual(replayed(resumption), { sequenceId: 2, texts: [] });
});

test("messages that come again after a reconnect are told apart from new ones", () => {
  const resumption = new Resumption();
  assert.deepEqual([resumption.received(), resumption.received(), resumption.received()], [true, true, true]);
  resumption.sequence(2);
  assert.deepEqual(
    [resumption.received(), resumption.received(), resumption.received()],
    [false, false, true],
  );
});

test("R05: a sequence beyond what was received, or below 1, breaks the protocol", () => {
  const resumption = new Resumption();
  resumption.received();
  assert.throws(() => resumption.sequence(3), ProtocolError);
  assert.throws(() => resumption.sequence(0), ProtocolError);
  resumption.sequence(2);
});

test("an acknowledgement is due once for each new latest message", () => {
  const resumption = new Resumption();
  assert.equal(resumption.takeAcknowledgement(), undefined);
  resumption.received();
  resumption.received();
  assert.equal(resumption.takeAcknowledgement(), 2);
  assert.equal(resumption.takeAcknowledgement(), undefined);
});

test("an acknowledgement that was lost is given again when the client repeats what it is for", () => {
  const resumption = new Resumption();
  resumption.received();
  resumption.received();
  assert.equal(resumption.takeAcknowledgement(), 2);
  resumption.sequence(1);
  resumption.received();
  assert.equal(resumption.takeAcknowledgement(), undefined);
  resumption.received();
  assert.equal(resumption.takeAcknowledgement(), 2);
  assert.equal(resumption.takeAcknowledgement(), undefined);
});

test("messages that a sender framed together count one by one, and stay together", () => {
  const resumption = new Resumption();
  resumption.sending(message("a,b,c", 3));
  resumption.sending(message("d"));
  resumption.acknowledged(2);
  assert.deepEqual(replayed(resumption), { sequenceId: 1, texts: ["a,b,c", "d"] });
  resumption.acknowledged(3);
  assert.deepEqual(replayed(resumption), { sequenceId: 4, texts: ["d"] });
  resumption.acknowledged(4);
  assert.deepEqual(replayed(resumption), { sequenceId: 5, texts: [] });
  assert.equal(resumption.bufferedBytes, 0);
});

test("whatever is sent, acknowledged and lost, the other side processes each message once and in order", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("acknowledge" as const) }),
    fc.record({ kind: fc.constant("drop" as const), lost: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sender = new Resumption();
      const receiver = new Resumption();
      const processed: string[] = [];
      let wire: EncodedMessage[] = [];
      let sent = 0;
      const arrive = (messages: readonly EncodedMessage[]): void => {
        for (const { bytes } of messages)
          for (const text of String(bytes).split(",")) if (receiver.received()) processed.push(text);
      };
      for (const each of [...steps, { kind: "drop" as const, lost: 0 }]) {
        if (each.kind === "send") {
          const texts = Array.from({ length: each.count }, () => String(++sent));
          const next = message(texts.join(), each.count);
          sender.sending(next);
          wire.push(next);
        } else if (each.kind === "acknowledge") {
          arrive(wire);
          wire = [];
          const number = receiver.takeAcknowledgement();
          if (number !== undefined) sender.acknowledged(number);
        } else {
          arrive(wire.slice(0, Math.max(0, wire.length - each.lost)));
          wire = [];
          const { sequenceId, messages } = sender.replay();
          receiver.sequence(sequenceId);
          arrive(messages);
        }
      }
      assert.deepEqual(
        processed,
        Array.from({ length: sent }, (_, index) => String(index + 1)),
      );
    }),
    { numRuns: 300 },
  );
});
