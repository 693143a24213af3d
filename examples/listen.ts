// Connects to Hubwire as a client and prints every invocation of "newMessage". Usage: see the quickstart in README.md.
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";

const { TOKEN, URL = "http://localhost:8888/client/?hub=chat" } = process.env;
if (!TOKEN) throw new Error("Set TOKEN to a client token: npm run -s hubwire -- token --hub chat");

const connection = new HubConnectionBuilder()
  .withUrl(URL, { accessTokenFactory: () => TOKEN })
  .withAutomaticReconnect()
  .configureLogging(LogLevel.Warning)
  .build();
connection.on("newMessage", (...args: unknown[]) => console.log("newMessage", ...args));
await connection.start();
console.log("connected", connection.connectionId);
