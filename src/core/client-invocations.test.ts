import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientOrigin } from "../../test/support/client-origin.ts";
import { clientInvocations } from "../../test/support/local-router.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { RecordingTransport } from "../../test/support/recording-transport.ts";
import type { HubProtocolName } from "../protocol/hub-protocol.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { Client } from "./client.ts";
import type { ClientMethod } from "./client-call.ts";
import type { ClientInvocations } from "./client-invocations.ts";
import type { HubwireEvent } from "./events.ts";

const METHOD: ClientMethod = { target: "sum", args: Buffer.from("[1,2]") };

/** A client that answers as the test says. */
class Guest {
  readonly client: Client;
  readonly #transport = new RecordingTransport();
  readonly #invocations: ClientInvocations;

  constructor(invocations: ClientInvocations, id = "c", protocol: HubProtocolName = "json") {
    this.#invocations = invocations;
    this.client = new Client(
      clientOrigin(id),
      hubProtocols[protocol],
      { transport: this.#transport, resumption: undefined, maxBufferedBytes: 1_000_000 },
      { end: () => invocations.left(this.client) },
    );
    this.client.release();
  }

  get sent(): readonly string[] {
    return this.#transport.sent;
  }

  /** Whether the message was taken for an answer. It is overwritten afterwards, as read buffers are. */
  says(message: Buffer): boolean {
    const copy = Buffer.from(message);
    const taken = this.#invocations.take(this.client, this.client.protocol.read(copy, 0, copy.length));
    copy.fill(0);
    return taken;
  }

  invoke(method: ClientMethod = METHOD, signal: AbortSignal = new AbortController().signal) {
    return this.#invocations.invoke(this.client, method, signal);
  }
}

describe("a call of a client's method", () => {
  for (const protocol of ["json", "messagepack"] as const)
    test(`is completed by the client's answer, which stays as it was written: ${protocol}`, async () => {
      const invocations = clientInvocations();
      const guest = new Guest(invocations, "c", protocol);
      const codec = hubProtocols[protocol];
      const outcome = guest.invoke();
      assert.equal(invocations.size, 1);
      assert.deepEqual(guest.sent, [String(codec.invocation("sum", Buffer.from("[1,2]"), "s1"))]);
      const answer = codec.completionResult("s1", Buffer.from("9007199254740993"));
      assert.equal(guest.says(answer), true);
      const completed = await outcome;
      assert.ok(completed.outcome === "completed");
      assert.equal(completed.protocol, protocol);
      assert.deepEqual(completed.bytes, answer);
      assert.deepEqual(completed.result, codec.read(answer, 0, answer.length).value);
      assert.equal(invocations.size, 0);
    });

  test("may be answered without a result, or with an error", async () => {
    const guest = new Guest(clientInvocations());
    const none = guest.invoke();
    guest.says(hubProtocols.json.completionVoid("s1"));
    const outcome = await none;
    assert.ok(outcome.outcome === "completed");
    assert.equal(outcome.result, undefined);
    const failed = guest.invoke();
    guest.says(hubProtocols.json.completionError("s2", "no such method"));
    assert.deepEqual(await failed, { outcome: "failed", error: "no such method" });
    const empty = guest.invoke();
    guest.says(hubProtocols.json.completionError("s3", ""));
    assert.deepEqual(await empty, { outcome: "failed", error: "" });
  });

  test("may be framed by the caller, whose id is replaced", async () => {
    const guest = new Guest(clientInvocations());
    const json = hubProtocols.json.invocation("sum", Buffer.from("[ 1.10 ]"), "the caller's");
    void guest.invoke({ encoded: { json } });
    assert.deepEqual(guest.sent, ['{"type":1,"invocationId":"s1","target":"sum","arguments":[ 1.10 ]}\x1e']);
    const { messagepack } = { messagepack: hubProtocols.messagepack.invocation("sum", Buffer.from("[]")) };
    assert.deepEqual(await guest.invoke({ encoded: { messagepack } }), {
      outcome: "notEncoded",
      protocol: "json",
    });
    assert.equal(guest.sent.length, 1);
  });

  test("has an id of its own, and answers come in any order", async () => {
    const guest = new Guest(clientInvocations());
    const first = guest.invoke();
    const second = guest.invoke();
    guest.says(hubProtocols.json.completionResult("s2", Buffer.from('"second"')));
    guest.says(hubProtocols.json.completionResult("s1", Buffer.from('"first"')));
    const results = await Promise.all([first, second]);
    assert.deepEqual(
      results.map((each) => each.outcome === "completed" && String(each.result)),
      ['"first"', '"second"'],
    );
  });

  test("is not answered by another client, late, twice, nor by any other message", async () => {
    const invocations = clientInvocations();
    const guest = new Guest(invocations);
    const other = new Guest(invocations, "d");
    const answer = hubProtocols.json.completionResult("s1", Buffer.from("1"));
    assert.equal(guest.says(answer), false, "before it was asked");
    const outcome = guest.invoke();
    void other.invoke();
    assert.equal(other.says(answer), false, "for another connection");
    for (const message of [
      hubProtocols.json.completionResult("s01", Buffer.from("1")),
      hubProtocols.json.completionVoid("1"), // the end of a stream that the client sends
      hubProtocols.json.completionResult("__proto__", Buffer.from("1")),
      hubProtocols.json.invocation("sum", Buffer.from("[]"), "s1"),
      hubProtocols.json.streamItem("s1", Buffer.from("1")),
      hubProtocols.json.ping,
    ])
      assert.equal(guest.says(message), false);
    assert.equal(guest.says(answer), true);
    assert.equal(guest.says(answer), false, "twice");
    assert.equal((await outcome).outcome, "completed");
    assert.equal(invocations.size, 1, "the other client's call still waits");
  });

  test("times out, with all that are as old", async () => {
    const clock = new ManualClock();
    const events: HubwireEvent[] = [];
    const invocations = clientInvocations({ clock, timeoutMs: 10_000, emit: (event) => events.push(event) });
    const guest = new Guest(invocations);
    const first = guest.invoke();
    clock.advance(1);
    const second = guest.invoke();
    clock.advance(9_999);
    invocations.tick(clock.monotonicMs());
    const error = "Connection 'c' did not answer within 10 seconds.";
    assert.deepEqual(await first, { outcome: "timedOut", error });
    assert.equal(invocations.size, 1);
    clock.advance(1);
    invocations.tick(clock.monotonicMs());
    assert.deepEqual(await second, { outcome: "timedOut", error });
    assert.equal(invocations.size, 0);
    assert.equal(guest.says(hubProtocols.json.completionVoid("s1")), false, "late");
    const told = { name: "client.call_unanswered", hub: "chat", connectionId: "c", outcome: "timedOut" };
    assert.deepEqual(events, [told, told]);
  });

  test("ends with its client, and no other", async () => {
    const invocations = clientInvocations();
    const guest = new Guest(invocations);
    const outcomes = [guest.invoke(), guest.invoke()];
    void new Guest(invocations, "d").invoke();
    invocations.left(guest.client);
    for (const outcome of outcomes)
      assert.deepEqual(await outcome, { outcome: "disconnected", error: "Connection 'c' disconnected." });
    assert.equal(invocations.size, 1);
  });

  test("ends when its own message is what closes the client", async () => {
    const invocations = clientInvocations();
    const guest = new Guest(invocations);
    const large = { target: "sum", args: Buffer.from(`["${"x".repeat(2_000_000)}"]`) };
    const held = new Client(
      { ...guest.client.origin },
      hubProtocols.json,
      { transport: new RecordingTransport(), resumption: undefined, maxBufferedBytes: 1_000 },
      { end: () => invocations.left(held) },
    );
    const { outcome } = await invocations.invoke(held, large, new AbortController().signal);
    assert.equal(outcome, "disconnected");
    assert.equal(invocations.size, 0);
  });

  test("ends when its caller goes, before it is made or while it waits", async () => {
    const invocations = clientInvocations();
    const guest = new Guest(invocations);
    const caller = new AbortController();
    const outcome = guest.invoke(METHOD, caller.signal);
    caller.abort();
    assert.equal((await outcome).outcome, "abandoned");
    assert.equal((await guest.invoke(METHOD, caller.signal)).outcome, "abandoned");
    assert.equal(guest.sent.length, 1);
    assert.equal(invocations.size, 0);
    assert.equal(guest.says(hubProtocols.json.completionVoid("s1")), false);
  });

  test("is refused when as many as allowed wait, for whichever clients", async () => {
    const events: HubwireEvent[] = [];
    const invocations = clientInvocations({ maxPending: 2, emit: (event) => events.push(event) });
    const guest = new Guest(invocations);
    const other = new Guest(invocations, "d");
    void guest.invoke();
    void other.invoke();
    assert.deepEqual(await other.invoke(), { outcome: "busy" });
    assert.deepEqual(
      events.map((event) => event.name === "client.call_unanswered" && event.outcome),
      ["busy"],
    );
    guest.says(hubProtocols.json.completionVoid("s1"));
    void other.invoke();
    assert.equal(other.sent.length, 2);
  });
});
