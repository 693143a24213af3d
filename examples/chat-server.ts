// A chat in one program: clients of http://localhost:7072/chat?name=ann talk through the service. Usage: docs/app-servers.md.
import { createServer } from "node:http";
import { createAppServer } from "../src/app-server-sdk/index.ts"; // "hubwire/app-server" in your own project

const chat = createAppServer({
  connectionString:
    process.env["AzureSignalRConnectionString"] ??
    "Endpoint=http://localhost;Port=8888;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;",
  hub: "chat",
  methods: {
    async say(context, text: string) {
      await context.clients.all.send("said", context.userId, text);
    },
    async enter(context, room: string) {
      await context.groups.add(context.connectionId, room);
      await context.clients.othersInGroup(room).send("entered", context.userId, room);
    },
    async *countDown(_context, from: number) {
      for (let left = from; left >= 0; left--) yield left;
    },
  },
  connected: (context) => context.clients.others.send("came", context.userId),
  disconnected: (context) => context.clients.all.send("went", context.userId),
  log: (event) => console.log(event.name),
});
await chat.start();

const negotiate = chat.negotiateHandler((request) => {
  const name = new URL(request.url ?? "", "http://localhost").searchParams.get("name");
  return name === null ? undefined : { userId: name };
});
const server = createServer(negotiate).listen({ port: process.env["PORT"] ?? 7072, host: "localhost" }, () =>
  console.log("listens", server.address()),
);

process.once("SIGTERM", () => {
  server.close();
  void chat.stop();
});
