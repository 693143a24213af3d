import type { Clock } from "./clock.ts";
import type { Membership, MembershipStore, Router } from "./ports.ts";

/**
 * Users in groups: what is remembered for connections to come, and what the present connections are in.
 * The store is always written before the router is told, so that a connection that comes in between
 * finds the membership in the store, and one that was there before is told by the router.
 */
export class UserGroups {
  readonly #store: MembershipStore;
  readonly #router: Router;
  readonly #clock: Clock;

  constructor(store: MembershipStore, router: Router, clock: Clock) {
    this.#store = store;
    this.#router = router;
    this.#clock = clock;
  }

  /**
   * Adds the user's present connections to the group, and those to come while `ttlSeconds` last.
   * @param ttlSeconds 0: only the present ones; `"none"`: see `MembershipStore.add`
   */
  async add(membership: Membership, ttlSeconds: number | "none"): Promise<void> {
    if (ttlSeconds !== 0) await this.#store.add(membership, ttlSeconds, this.#clock.epochMs());
    const { hub, userId, group } = membership;
    await this.#router.addToGroup(hub, { to: "user", userId }, group);
  }

  /** Forgets the membership and takes the user's connections out of the group, however they came into it. */
  async remove(membership: Membership): Promise<void> {
    await this.#store.remove(membership);
    const { hub, userId, group } = membership;
    await this.#router.removeFromGroup(hub, { to: "user", userId }, group);
  }

  /** Forgets all memberships of the user and takes its connections out of every group. */
  async removeAll(hub: string, userId: string): Promise<void> {
    await this.#store.removeAll(hub, userId);
    await this.#router.removeFromAllGroups(hub, { to: "user", userId });
  }

  /** Whether the user is remembered in the group, or one of its present connections is in it. */
  async has(membership: Membership): Promise<boolean> {
    if (await this.#store.has(membership, this.#clock.epochMs())) return true;
    const { hub, userId, group } = membership;
    return this.#router.exists(hub, { to: "userInGroup", userId, group });
  }

  /** The groups that a new connection of the user is in from its first moment. */
  groupsOf(hub: string, userId: string): Promise<string[]> {
    return this.#store.groupsOf(hub, userId, this.#clock.epochMs());
  }
}
