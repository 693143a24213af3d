import { join } from "node:path";
import type { BenchServer } from "./bench-server.ts";
import type { Tools } from "./build.ts";
import { hubwireServer } from "./hubwire-server.ts";
import type { Reach, ServerName } from "./scenarios.ts";

/** The servers that can run here, and why the others cannot. Files that they need go to `workDir`. */
export function benchServers(tools: Tools, workDir: string): ReadonlyMap<ServerName, BenchServer | string> {
  const { aspnetPeer, epollBound } = tools;
  return new Map<ServerName, BenchServer | string>([
    ["hubwire", hubwireServer(workDir)],
    ["aspnet", "path" in aspnetPeer ? aspnetServer(aspnetPeer.path) : aspnetPeer.missing],
    ["ws", wsServer],
    ["epoll-bound", "path" in epollBound ? epollBoundServer(epollBound.path) : epollBound.missing],
  ]);
}

/** Self-hosted ASP.NET Core SignalR: no tokens; groups and users come from the query. */
function aspnetServer(dll: string): BenchServer {
  const postPaths: Readonly<Record<Reach, string>> = {
    all: "/broadcast",
    nobody: "/broadcast",
    group: "/group/group-{k}",
    user: "/user/user-{k}",
  };
  return {
    command: (port) => ({ args: ["dotnet", dll, "--port", String(port)] }),
    prepare: async () => {},
    addressing: ({ reach }) => ({
      path: reach === "group" ? "/hub?user=user-{i}&group=group-{k}" : "/hub?user=user-{i}",
      "post-path": postPaths[reach],
    }),
  };
}

const wsServer: BenchServer = {
  command: (port) => ({
    args: [process.execPath, join(import.meta.dirname, "ws-peer.ts"), "--port", String(port)],
  }),
  prepare: async () => {},
  addressing: () => ({ path: "/" }),
};

/** The bare epoll server: whatever the path, everyone gets everything. */
function epollBoundServer(program: string): BenchServer {
  return {
    command: (port) => ({ args: [program], env: { PORT: String(port), COALESCE: "1" } }),
    prepare: async () => {},
    addressing: () => ({}),
  };
}
