import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, Witness } from "./ledger.ts";

/** One client in group `g` throughout, who is sent 0, 1, 2 and gets these numbers. */
async function complaintsOf(
  numbers: readonly number[],
  change?: (witness: Witness) => void,
): Promise<string[]> {
  const ledger = new Ledger(1);
  const witness = new Witness(ledger);
  witness.connectionId = "c";
  witness.join("g")();
  for (let sent = 0; sent < 3; sent++) await ledger.send({ sender: 0, audience: "g" }, async () => {});
  change?.(witness);
  for (const number of numbers) witness.received(0, number);
  return witness.complaints();
}

test("a client that got everything once and in order has no complaints", async () =>
  assert.deepEqual(await complaintsOf([0, 1, 2]), []));

test("a message that is lost, doubled, out of order or for others is found", async () => {
  assert.deepEqual(await complaintsOf([0, 2]), ["did not get message 1 of sender 0 to g"]);
  assert.deepEqual(await complaintsOf([0, 1]), ["did not get message 2 of sender 0 to g"]);
  assert.equal((await complaintsOf([0, 1, 1, 2])).length > 0, true);
  assert.equal((await complaintsOf([1, 0, 2])).length > 0, true);
  const ledger = new Ledger(1);
  const witness = new Witness(ledger);
  await ledger.send({ sender: 0, audience: "g" }, async () => {});
  witness.received(0, 0);
  assert.deepEqual(witness.complaints(), ["got message 0 of sender 0 to g, which is not for it"]);
});

test("who was left out must not get it", async () => {
  const ledger = new Ledger(1);
  const witness = new Witness(ledger);
  witness.connectionId = "c";
  witness.join("g")();
  await ledger.send({ sender: 0, audience: "g", excluded: ["c"] }, async () => {});
  assert.deepEqual(witness.complaints(), []);
  witness.received(0, 0);
  assert.equal(witness.complaints().length, 1);
});

test("while it joins or leaves a client may get a message or not", async () => {
  for (const numbers of [[], [0]]) {
    const ledger = new Ledger(1);
    const witness = new Witness(ledger);
    await ledger.send({ sender: 0, audience: "g" }, async () => witness.join("g")());
    await ledger.send({ sender: 0, audience: "h" }, async () => {});
    const left = witness.leave("g");
    for (const number of numbers) witness.received(0, number);
    left();
    assert.deepEqual(witness.complaints(), []);
    await ledger.send({ sender: 0, audience: "g" }, async () => {});
    assert.deepEqual(witness.complaints(), []);
  }
});

test("who goes may miss the last messages, but none before one that it got", async () => {
  const goes = (witness: Witness): void => witness.goes();
  assert.deepEqual(await complaintsOf([0], goes), []);
  assert.deepEqual(await complaintsOf([1], goes), ["did not get message 0 of sender 0 to g"]);
});
