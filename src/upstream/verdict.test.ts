import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { isPassing, unanswered } from "./failure.ts";
import { verdictOn, wantsBody } from "./verdict.ts";

const INVOKES = { invocationId: "7", isStream: false };
const SENDS = { invocationId: undefined, isStream: false };
const STREAMS = { invocationId: "7", isStream: true };
const NOTHING = Buffer.alloc(0);

const wires = {
  json: {
    protocol: hubProtocols.json,
    result: Buffer.from('{"type":3,"invocationId":"7","result":{"a":1.10}}\x1e'),
    others: {
      "its type is 1, not 3": Buffer.from('{"type":1,"target":"t","arguments":[]}\x1e'),
      "it is for invocation '8', not '7'": Buffer.from('{"type":3,"invocationId":"8"}\x1e'),
      "bytes follow it": Buffer.from('{"type":3,"invocationId":"7"}\x1e\n'),
      "Missing required property 'type'": Buffer.from('{"a":1}'),
      "Missing required property 'invocationId'": Buffer.from('{"type":3}'),
      "mutually exclusive": Buffer.from('{"type":3,"invocationId":"7","result":1,"error":"e"}'),
    },
  },
  messagepack: {
    protocol: hubProtocols.messagepack,
    result: Buffer.from("07950380a1370305", "hex"),
    others: {
      "its type is 6, not 3": hubProtocols.messagepack.ping,
      "it is for invocation '8', not '7'": hubProtocols.messagepack.completionVoid("8"),
      "bytes follow it": Buffer.from("07950380a13703c000", "hex"),
      "Its length prefix may be missing": Buffer.from("950380a13703c0", "hex"),
      "it ends before its length prefix says": Buffer.from("0f950380a13703c0", "hex"),
      "Error reading MessagePack": Buffer.from("0131", "hex"),
    },
  },
};

function answer(status: number, body: Buffer = NOTHING) {
  return { status, headers: {}, body };
}

for (const { protocol, result, others } of Object.values(wires))
  describe(`answers to a ${protocol.name} client`, () => {
    test("a completion goes to the client byte for byte", () => {
      assert.deepEqual(verdictOn(answer(200, result), INVOKES, protocol), { completion: result });
    });

    for (const status of [200, 204])
      test(`${status} without a body is a completion without a result`, () => {
        const verdict = verdictOn(answer(status), INVOKES, protocol);
        assert.deepEqual(verdict, { completion: protocol.completionVoid("7") });
      });

    test("no body leaves a stream open: its items and its end come by REST", () => {
      assert.deepEqual(verdictOn(answer(204), STREAMS, protocol), {});
      assert.deepEqual(verdictOn(answer(200), STREAMS, protocol), {});
      assert.deepEqual(verdictOn(answer(200, result), STREAMS, protocol), { completion: result });
    });

    for (const status of [201, 302, 401, 404, 500])
      test(`${status} is an error that names it`, () => {
        const { completion, failure } = verdictOn(answer(status), INVOKES, protocol);
        assert.deepEqual(
          completion,
          protocol.completionError("7", `Invocation failed, status code ${status}`),
        );
        assert.equal(failure?.status, status);
      });

    test("who waits for nothing is sent nothing, and any success will do", () => {
      for (const status of [200, 202, 204])
        assert.deepEqual(verdictOn(answer(status, result), SENDS, protocol), {});
      const { completion, failure } = verdictOn(answer(302), SENDS, protocol);
      assert.equal(completion, undefined);
      assert.match(failure?.reason ?? "", /it answered 302; redirects are not followed/);
    });

    test("a failure is told to who waits", () => {
      const failure = unanswered("unreachable", "connect ECONNREFUSED");
      assert.deepEqual(verdictOn(failure, INVOKES, protocol), {
        failure,
        completion: protocol.completionError("7", "Invocation failed, status code 500"),
      });
      assert.deepEqual(verdictOn(failure, SENDS, protocol), { failure });
    });

    for (const [problem, body] of Object.entries(others))
      test(`what is no completion is an error: ${problem}`, () => {
        const { completion, failure } = verdictOn(answer(200, body), INVOKES, protocol);
        const told = protocol.read(completion ?? NOTHING, 0, completion?.length ?? 0).error;
        assert.ok(told?.startsWith("Invocation failed, the response is no completion: "), told);
        assert.ok(told?.includes(problem), told);
        assert.equal(failure?.outcome, "badReply");
      });

    test("whatever the body, the client gets one whole completion of its invocation", () => {
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated(result)), (bytes) => {
          const { completion } = verdictOn(answer(200, Buffer.from(bytes)), INVOKES, protocol);
          assert.ok(completion);
          assert.equal(protocol.findEnd(completion, 0, Infinity), completion.length);
          const { type, invocationId } = protocol.read(completion, 0, completion.length);
          assert.deepEqual([type, invocationId], [3, "7"]);
        }),
        { numRuns: 500 },
      );
    });
  });

/** The bytes with some of them changed. */
function mutated(bytes: Buffer): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const copy = new Uint8Array(bytes);
    for (const [at, byte] of changes) copy[at] = byte;
    return copy;
  });
}

test("a missing record separator is forgiven", () => {
  const { protocol, result } = wires.json;
  const bare = result.subarray(0, -1);
  assert.deepEqual(verdictOn(answer(200, bare), INVOKES, protocol), { completion: result });
  const withNewline = Buffer.concat([bare, Buffer.from("\n")]);
  assert.deepEqual(verdictOn(answer(200, withNewline), INVOKES, protocol), {
    completion: Buffer.concat([withNewline, Buffer.of(0x1e)]),
  });
});

test("a body is read only where a client waits for it", () => {
  assert.deepEqual(
    [wantsBody(INVOKES, 200), wantsBody(INVOKES, 500), wantsBody(SENDS, 200)],
    [true, false, false],
  );
});

test("what may pass is no answer, 429 and 5xx; a refusal does not", () => {
  const isPassingStatus = (status: number): boolean => {
    const { failure } = verdictOn(answer(status), SENDS, hubProtocols.json);
    return failure !== undefined && isPassing(failure);
  };
  assert.deepEqual([400, 401, 403, 404, 429, 500, 503].map(isPassingStatus), [
    false,
    false,
    false,
    false,
    true,
    true,
    true,
  ]);
  assert.equal(isPassing(unanswered("timeout", "")), true);
  assert.equal(isPassing(unanswered("badUrl", "")), false);
});
