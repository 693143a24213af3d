import type { Membership, MembershipStore } from "../core/ports.ts";
import { expiryMs, MAX_EXPIRED_AT_ONCE, MAX_UNTIMED } from "./membership-lifetime.ts";

const MAX_EXAMINED = 10_000;

type Expiries = Map<string, number>;

/** One user's groups, each with its expiry in milliseconds since the epoch, in the order of the last update. */
interface Groups {
  readonly timed: Expiries;
  readonly untimed: Expiries;
}

/** Memberships in this process only: nothing outlives it. */
export class MemoryMembershipStore implements MembershipStore {
  readonly #users = new Map<string, Groups>();
  #sweep = this.#everyMembership();

  async add(membership: Membership, ttlSeconds: number | "none", nowMs: number): Promise<void> {
    const { hub, userId, group } = membership;
    const key = keyOf(hub, userId);
    const groups = this.#users.get(key) ?? { timed: new Map(), untimed: new Map() };
    this.#users.set(key, groups);
    groups.timed.delete(group);
    groups.untimed.delete(group);
    const kind = ttlSeconds === "none" ? groups.untimed : groups.timed;
    kind.set(group, expiryMs(ttlSeconds, nowMs));
    const [oldest] = groups.untimed.keys();
    if (groups.untimed.size > MAX_UNTIMED && oldest !== undefined) groups.untimed.delete(oldest);
  }

  async remove({ hub, userId, group }: Membership): Promise<void> {
    const key = keyOf(hub, userId);
    const groups = this.#users.get(key);
    if (!groups) return;
    groups.timed.delete(group);
    groups.untimed.delete(group);
    this.#forgetIfEmpty(key, groups);
  }

  async removeAll(hub: string, userId: string): Promise<void> {
    this.#users.delete(keyOf(hub, userId));
  }

  async has({ hub, userId, group }: Membership, nowMs: number): Promise<boolean> {
    const groups = this.#users.get(keyOf(hub, userId));
    return (groups?.timed.get(group) ?? groups?.untimed.get(group) ?? 0) > nowMs;
  }

  async groupsOf(hub: string, userId: string, nowMs: number): Promise<string[]> {
    const groups = this.#users.get(keyOf(hub, userId));
    if (!groups) return [];
    return [...groups.timed, ...groups.untimed]
      .filter(([, expiresAtMs]) => expiresAtMs > nowMs)
      .map(([group]) => group);
  }

  /** Looks at some memberships per call, going on where the last call stopped. */
  async expire(nowMs: number): Promise<number> {
    let deleted = 0;
    for (let examined = 0; examined < MAX_EXAMINED && deleted < MAX_EXPIRED_AT_ONCE; examined++) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#everyMembership();
        break;
      }
      const { key, groups, kind, group, expiresAtMs } = next.value;
      if (expiresAtMs > nowMs) continue;
      kind.delete(group);
      this.#forgetIfEmpty(key, groups);
      deleted++;
    }
    return deleted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#users.clear();
  }

  #forgetIfEmpty(key: string, groups: Groups): void {
    if (groups.timed.size + groups.untimed.size === 0) this.#users.delete(key);
  }

  /** Maps may change while this waits for the next call: what was deleted is passed over, what was added comes last. */
  *#everyMembership(): Generator<{
    key: string;
    groups: Groups;
    kind: Expiries;
    group: string;
    expiresAtMs: number;
  }> {
    for (const [key, groups] of this.#users)
      for (const kind of [groups.timed, groups.untimed])
        for (const [group, expiresAtMs] of kind) yield { key, groups, kind, group, expiresAtMs };
  }
}

function keyOf(hub: string, userId: string): string {
  return `${hub.length}:${hub}${userId}`;
}
