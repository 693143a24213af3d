import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchServer, flagArgs } from "./bench-server.ts";
import { groupCount, type Reach, userCount } from "./scenarios.ts";
import { type Claims, mintToken } from "./tokens.ts";

const program = join(import.meta.dirname, "..", "src", "cli", "hubwire.ts");
/** What tokens are signed with. */
export const accessKey = "bench-access-key-of-more-than-thirty-two-characters";
const maxClients = 10_000;
/** About as many as one run of sigload sends, so that hardly a token is used twice. */
const userTokenCount = 150_000;

const sendPaths: Readonly<Record<Reach, string>> = {
  all: "/api/hubs/bench/:send",
  nobody: "/api/hubs/bench/:send",
  group: "/api/hubs/bench/groups/group-{k}/:send",
  user: "/api/hubs/bench/users/user-{k}/:send",
};

/**
 * Hubwire with tokens checked: one for each client, one for all broadcasts, one for each group, a new one for each
 * send to a user. They are minted into files of `workDir`, where each start also gets a store of its own.
 */
export function hubwireServer(workDir: string): BenchServer {
  const clientTokens = tokenFile(workDir, "client-tokens", maxClients, (index) => ({
    aud: "http://localhost/client/?hub=bench",
    nameid: `user-${index}`,
  }));
  const groupTokens = tokenFile(workDir, "group-tokens", groupCount, (index) => ({
    aud: audience(sendPaths.group, index),
  }));
  // Tokens for the same user differ in their time, as those of an SDK do.
  const firstExpiry = Math.floor(Date.now() / 1000) + 3_600;
  const userTokens = tokenFile(workDir, "user-tokens", userTokenCount, (index) => ({
    aud: audience(sendPaths.user, index % userCount),
    exp: firstExpiry + Math.floor(index / userCount),
  }));
  const postTokens: Readonly<Record<Reach, string>> = {
    all: tokenFile(workDir, "hub-token", 1, () => ({ aud: audience(sendPaths.all, 0) })),
    nobody: groupTokens,
    group: groupTokens,
    user: userTokens,
  };
  return {
    command: (port) => {
      const dataDir = mkdtempSync(join(workDir, "data-"));
      const address = { host: "127.0.0.1", port, "data-dir": dataDir };
      const flags = flagArgs({ ...address, "access-key": accessKey, "log-level": "warn" });
      return { args: [process.execPath, program, "start", ...flags] };
    },
    prepare: async (port, { reach, clients }) => {
      if (reach === "group") await joinGroups(port, clients);
    },
    addressing: ({ reach }) => ({
      path: "/client/?hub=bench&access_token={token}",
      tokens: clientTokens,
      "post-path": `${sendPaths[reach]}?api-version=2022-06-01`,
      "post-header": "Authorization: Bearer {token}",
      "post-tokens": postTokens[reach],
    }),
  };
}

function tokenFile(workDir: string, name: string, count: number, claims: (index: number) => Claims): string {
  const file = join(workDir, name);
  const tokens = Array.from({ length: count }, (_, index) => mintToken(accessKey, claims(index)));
  writeFileSync(file, tokens.join("\n"));
  return file;
}

function audience(path: string, target: number): string {
  return `http://localhost${path.replace("{k}", String(target))}`;
}

/** Makes user i a member of group i modulo `groupCount`, before anyone connects. */
async function joinGroups(port: number, clients: number): Promise<void> {
  const join = async (index: number): Promise<void> => {
    const path = `/api/hubs/bench/users/user-${index}/groups/group-${index % groupCount}`;
    const response = await fetch(`http://127.0.0.1:${port}${path}?api-version=2022-06-01`, {
      method: "PUT",
      headers: { authorization: `Bearer ${mintToken(accessKey, { aud: audience(path, 0) })}` },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok)
      throw new Error(`PUT ${path} was answered with ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
  };
  const atOnce = 20;
  for (let from = 0; from < clients; from += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, clients - from) }, (_, i) => join(from + i)));
  }
}
