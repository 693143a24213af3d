/*
 * The app server of the benchmark: hub `bench` on Hubwire, with the methods that sigload invokes. It listens when it serves, on a
 * port that means nothing else.
 *
 *     npm exec -- node bench/app-server.ts --port 7072 --connection-string "Endpoint=…"
 */
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { createAppServer } from "../src/app-server-sdk/index.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "7072" },
    "connection-string": { type: "string", default: "" },
  },
});

const server = createAppServer({
  connectionString: options["connection-string"],
  hub: "bench",
  parallelInvocations: 8,
  methods: {
    Echo: (_context, value: unknown) => value,
    Broadcast: (context, value: unknown) => context.clients.all.send("bench", value),
  },
});
await server.start();
const listener = createServer((socket) => socket.destroy()).listen(Number(options.port), "127.0.0.1");
process.once("SIGTERM", () => {
  listener.close();
  void server.stop();
});
