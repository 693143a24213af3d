import { testMembershipStore } from "./membership-store.contract.ts";
import { MemoryMembershipStore } from "./memory-membership-store.ts";

testMembershipStore("MemoryMembershipStore", () => new MemoryMembershipStore());
