import { mock } from "node:test";
import { MemoryMembershipStore } from "../../src/store/memory-membership-store.ts";

/** While this is in use, nodes with memberships in memory learn the groups of a user only when the test says so. */
export class SlowLookUp implements Disposable {
  readonly #asked = Promise.withResolvers<void>();
  readonly #groups = Promise.withResolvers<string[]>();
  readonly #mocked = mock.method(MemoryMembershipStore.prototype, "groupsOf", () => {
    this.#asked.resolve();
    return this.#groups.promise;
  });

  /** Resolves when a node has asked. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Tells the groups of whoever was asked for, and will be. */
  answer(groups: string[]): void {
    this.#groups.resolve(groups);
  }

  fail(error: Error): void {
    this.#groups.reject(error);
  }

  [Symbol.dispose](): void {
    this.#mocked.mock.restore();
  }
}
