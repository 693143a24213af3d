import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that this process holds without garbage: on the heap and in buffers, and in all. */
export async function heldBytes(): Promise<{ readonly own: number; readonly all: number }> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await setImmediate(); // lets handles close whose owners were collected
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { own: heapUsed + external, all: rss };
}
