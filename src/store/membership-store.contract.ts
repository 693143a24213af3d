import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Membership, MembershipStore } from "../core/ports.ts";

const NOW = Date.UTC(2026, 10, 5);
const YEAR_MS = 365 * 24 * 3600 * 1000;
const member = (group: string, userId = "u", hub = "chat"): Membership => ({ hub, userId, group });

/** What every MembershipStore must do. `open` gives a new, empty one. */
export function testMembershipStore(name: string, open: () => MembershipStore): void {
  describe(`${name} is a MembershipStore`, () => {
    test("knows nothing at first", async () => {
      await using store = open();
      assert.equal(await store.has(member("g"), NOW), false);
      assert.deepEqual(await store.groupsOf("chat", "u", NOW), []);
      assert.equal(await store.expire(NOW), 0);
    });

    test("has what was added, for that hub, user and group only", async () => {
      await using store = open();
      await store.add(member("g"), 60, NOW);
      await store.add(member("h"), "none", NOW);
      assert.equal(await store.has(member("g"), NOW), true);
      assert.equal(await store.has(member("h"), NOW), true);
      for (const other of [member("x"), member("g", "v"), member("g", "u", "other")])
        assert.equal(await store.has(other, NOW), false);
      assert.deepEqual((await store.groupsOf("chat", "u", NOW)).sort(), ["g", "h"]);
      assert.deepEqual(await store.groupsOf("chat", "v", NOW), []);
      assert.deepEqual(await store.groupsOf("other", "u", NOW), []);
    });

    test("compares hub, user and group exactly, and gives groups back as they were", async () => {
      await using store = open();
      const texts = [
        "a",
        "A",
        " a",
        "ä",
        "a\u0308",
        "a\0",
        "a\0b",
        "\ud800",
        "\udc00",
        "\ufffd",
        "😀",
        "'; --",
        "1",
        "x".repeat(1024),
      ];
      for (const text of texts) await store.add({ hub: text, userId: text, group: text }, 60, NOW);
      for (const hub of texts) {
        assert.deepEqual(await store.groupsOf(hub, hub, NOW), [hub]);
        for (const userId of texts)
          assert.equal(await store.has({ hub, userId, group: hub }, NOW), userId === hub);
      }
    });

    test("keeps hub and user apart where one text could be read as both", async () => {
      await using store = open();
      await store.add(member("g", "b", "a1"), 60, NOW);
      await store.add(member("g", "1b", "a"), 60, NOW);
      await store.removeAll("a1", "b");
      assert.equal(await store.has(member("g", "1b", "a"), NOW), true);
    });

    test("ends a membership at its time, whether swept or not", async () => {
      await using store = open();
      await store.add(member("g"), 60, NOW);
      assert.equal(await store.has(member("g"), NOW + 59_999), true);
      assert.equal(await store.has(member("g"), NOW + 60_000), false);
      assert.deepEqual(await store.groupsOf("chat", "u", NOW + 60_000), []);
    });

    test("takes the longest time to live that REST has", async () => {
      await using store = open();
      await store.add(member("g"), 2 ** 31 - 1, NOW);
      assert.equal(await store.has(member("g"), NOW + (2 ** 31 - 1) * 1000 - 1), true);
    });

    test("ends a membership without time to live after one year", async () => {
      await using store = open();
      await store.add(member("g"), "none", NOW);
      assert.equal(await store.has(member("g"), NOW + YEAR_MS - 1), true);
      assert.equal(await store.has(member("g"), NOW + YEAR_MS), false);
    });

    test("replaces time to live and kind when a membership is added again", async () => {
      await using store = open();
      await store.add(member("g"), "none", NOW);
      await store.add(member("g"), 10, NOW);
      assert.equal(await store.has(member("g"), NOW + 10_000), false);
      await store.add(member("g"), 5, NOW);
      assert.equal(await store.has(member("g"), NOW + 5_000), false);
      await store.add(member("g"), "none", NOW);
      assert.equal(await store.has(member("g"), NOW + YEAR_MS - 1), true);
      assert.deepEqual(await store.groupsOf("chat", "u", NOW), ["g"]);
    });

    test("keeps the 100 last updated memberships without time to live, per hub and user", async () => {
      await using store = open();
      for (let n = 0; n < 100; n++) await store.add(member(`g${n}`), "none", NOW);
      for (let n = 0; n < 100; n++) await store.add(member(`g${n}`, "v"), "none", NOW);
      for (let n = 0; n < 100; n++) await store.add(member(`g${n}`, "u", "other"), "none", NOW);
      await store.add(member("g0"), "none", NOW); // renewed: now the last updated, though at the same time
      assert.equal((await store.groupsOf("chat", "u", NOW)).length, 100);

      await store.add(member("new"), "none", NOW);

      const groups = await store.groupsOf("chat", "u", NOW);
      assert.equal(groups.length, 100);
      assert.equal(groups.includes("g0"), true);
      assert.equal(groups.includes("g1"), false);
      assert.equal(groups.includes("new"), true);
      assert.equal((await store.groupsOf("chat", "v", NOW)).length, 100);
      assert.equal((await store.groupsOf("other", "u", NOW)).length, 100);
    });

    test("neither counts nor drops memberships with a time to live among the 100", async () => {
      await using store = open();
      for (let n = 0; n < 150; n++) await store.add(member(`timed${n}`), 60, NOW);
      for (let n = 0; n < 101; n++) await store.add(member(`g${n}`), "none", NOW);
      assert.equal((await store.groupsOf("chat", "u", NOW)).length, 250);
      await store.add(member("g1"), 60, NOW); // leaves the 100, which has room for one again
      await store.add(member("timed0"), "none", NOW);
      assert.equal((await store.groupsOf("chat", "u", NOW)).length, 250);
      await store.add(member("timed1"), "none", NOW); // drops g2
      assert.equal((await store.groupsOf("chat", "u", NOW)).length, 249);
      assert.equal(await store.has(member("g1"), NOW), true);
      assert.equal(await store.has(member("g2"), NOW), false);
    });

    test("forgets one membership, or all of a user in a hub; unknown ones are no error", async () => {
      await using store = open();
      for (const userId of ["u", "v"])
        for (const group of ["g", "h"]) {
          await store.add(member(group, userId), 60, NOW);
          await store.add(member(group, userId, "other"), "none", NOW);
        }
      await store.remove(member("g"));
      await store.remove(member("g"));
      assert.deepEqual(await store.groupsOf("chat", "u", NOW), ["h"]);
      await store.removeAll("other", "u");
      await store.removeAll("other", "nobody");
      assert.deepEqual(await store.groupsOf("other", "u", NOW), []);
      assert.deepEqual(await store.groupsOf("chat", "u", NOW), ["h"]);
      assert.equal((await store.groupsOf("chat", "v", NOW)).length, 2);
      assert.equal((await store.groupsOf("other", "v", NOW)).length, 2);
    });

    test("deletes what has expired, a bounded number at a time, and nothing else", async () => {
      await using store = open();
      for (let n = 0; n < 1_050; n++) await store.add(member(`g${n}`, `u${n % 50}`), 60, NOW);
      await store.add(member("lasting"), 61, NOW);
      assert.equal(await store.expire(NOW + 59_999), 0);
      const counts: number[] = [];
      while (counts.at(-1) !== 0) counts.push(await store.expire(NOW + 60_000));
      assert.deepEqual(counts, [200, 200, 200, 200, 200, 50, 0]);
      assert.equal(await store.has(member("lasting"), NOW + 60_000), true);
      assert.equal(await store.has(member("g0", "u0"), NOW), false);
    });

    test("agrees with a plain list after any operations", async () => {
      const few = (prefix: string) => fc.integer({ min: 0, max: 2 }).map((n) => `${prefix}${n}`);
      const membership = fc.record({ hub: few("h"), userId: few("u"), group: few("g") });
      const operation = fc.oneof(
        fc.record({
          name: fc.constant("add" as const),
          membership,
          ttl: fc.constantFrom(1, 2, 5, "none" as const),
        }),
        fc.record({ name: fc.constant("remove" as const), membership }),
        fc.record({ name: fc.constant("removeAll" as const), membership }),
        fc.record({ name: fc.constant("expire" as const) }),
        fc.record({ name: fc.constant("wait" as const) }),
      );
      await using store = open();
      let now = NOW;
      const run = fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        let list: (Membership & { end: number })[] = [];
        const same = (a: Membership, b: Membership): boolean => inSame(a, b) && a.group === b.group;
        const inSame = (a: Membership, b: Membership): boolean => a.hub === b.hub && a.userId === b.userId;
        for (const step of operations) {
          if (step.name === "wait") now += 1000;
          else if (step.name === "expire") {
            assert.equal(await store.expire(now), list.filter(({ end }) => end <= now).length);
            list = list.filter(({ end }) => end > now);
          } else if (step.name === "add") {
            await store.add(step.membership, step.ttl, now);
            list = list.filter((other) => !same(other, step.membership));
            list.push({ ...step.membership, end: now + (step.ttl === "none" ? YEAR_MS : step.ttl * 1000) });
          } else if (step.name === "remove") {
            await store.remove(step.membership);
            list = list.filter((other) => !same(other, step.membership));
          } else {
            await store.removeAll(step.membership.hub, step.membership.userId);
            list = list.filter((other) => !inSame(other, step.membership));
          }
        }
        for (const hub of ["h0", "h1", "h2"])
          for (const userId of ["u0", "u1", "u2"]) {
            const live = list.filter(
              (other) => other.hub === hub && other.userId === userId && other.end > now,
            );
            const groups = live.map(({ group }) => group).sort();
            assert.deepEqual((await store.groupsOf(hub, userId, now)).sort(), groups);
            for (const group of ["g0", "g1", "g2"])
              assert.equal(await store.has({ hub, userId, group }, now), groups.includes(group));
            await store.removeAll(hub, userId);
          }
      });
      await fc.assert(run, { numRuns: 100 });
    });

    test("can be disposed twice", async () => {
      const store = open();
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    });
  });
}
