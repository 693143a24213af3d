import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fifo } from "./fifo.ts";

test("what came first leaves first, however pushes and shifts alternate", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -200, max: 200 }), { maxLength: 20 }), (bursts) => {
      const fifo = new Fifo<{ readonly n: number }>();
      const model: number[] = [];
      let n = 0;
      for (const burst of bursts) {
        for (let count = 0; count < burst; count++) {
          fifo.push({ n });
          model.push(n++);
        }
        for (let count = 0; count < -burst; count++) assert.equal(fifo.shift()?.n, model.shift());
        assert.equal(fifo.length, model.length);
      }
    }),
    { numRuns: 200 },
  );
});
