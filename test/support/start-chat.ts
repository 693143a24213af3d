import { type AppServer, type AppServerOptions, createAppServer } from "../../src/app-server-sdk/index.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** An app server of the hub `chat` on a node under test; up when this resolves. */
export async function startChat(
  hubwire: TestHubwire,
  options: Partial<AppServerOptions> = {},
): Promise<AppServer> {
  const chat = createAppServer({
    connectionString: hubwire.node.connectionString,
    hub: "chat",
    connections: 2,
    ...options,
  });
  await chat.start();
  return chat;
}

/** Claims of a client that only the app server of this name may get. */
export function onServer(serverName: string): Readonly<Record<string, string>> {
  return { "asrs.s.sn": serverName, "asrs.s.ssticky": "Required" };
}
