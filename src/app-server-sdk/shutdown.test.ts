import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { TestService } from "../../test/support/test-service.ts";

describe("stopping", () => {
  for (const [shutdown, fin] of [
    ["close", "fin:0"],
    ["migrate", "fin:1"],
    ["wait", "fin:2"],
  ] as const)
    test(`as "${shutdown}" takes leave with ${fin}, waits for the clients and their last words, and leaves nothing`, async () => {
      await using service = await TestService.start();
      const order: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const server = new TestAppServer(service, {
        shutdown,
        connections: 2,
        disconnected: async (context) => {
          await promise;
          await context.clients.all.send("gone");
          order.push("disconnected");
        },
      });
      const started = server.app.start();
      const ends = [await service.connected(), await service.connected()] as const;
      for (const end of ends) await end.accept();
      await started;
      await ends[0].opened("c1");
      const stopped = server.app.stop().then(() => order.push("stopped"));
      for (const end of ends) {
        assert.deepEqual((await end.receives("ping")).pairs, [["shutdown", fin]]);
        end.send({ type: "ping", pairs: [["shutdown", "finack"]] });
      }
      ends[0].send({ type: "closeConnection", connectionId: "c1", error: "", headers: [] });
      ends[0].send({ type: "ping", pairs: [["echo", ""]] });
      await ends[0].receives("ping");
      assert.equal(ends[0].isClosed, false);
      resolve();
      await ends[0].receives("broadcastData");
      await stopped;
      await Promise.all(ends.map((end) => end.closed()));
      assert.deepEqual(order, ["disconnected", "stopped"]);
      assert.deepEqual(server.app.size, { connections: 0, clients: 0, pending: 0 });
      assert.equal(server.clock.timers, 0);
      server.clock.advance(60_000);
      assert.equal(service.upgrades, 2);
    });

  test("repeats its leave every five seconds, and goes when its time is over, with the clients that are left", async () => {
    await using service = await TestService.start();
    const gone: unknown[] = [];
    const server = new TestAppServer(service, {
      disconnected: (_context, error) => gone.push(error?.message),
    });
    const started = server.app.start();
    const end = await service.connected();
    await end.accept();
    await started;
    await end.opened("c1");
    const stopped = server.app.stop();
    for (let said = 0; said < 5; said++) {
      await end.receives("ping", ({ pairs }) => pairs[0]?.[0] === "shutdown");
      end.send({ type: "ping", pairs: [["echo", ""]] });
      await end.receives("ping", ({ pairs }) => pairs[0]?.[0] === "echo");
      server.clock.advance(5_000);
    }
    server.clock.advance(5_000);
    await stopped;
    assert.deepEqual(gone, ["The app server stops."]);
    await end.closed();
  });

  test("ends at once where no connection is up, and is done once", async () => {
    await using service = await TestService.start();
    service.refusal = 503;
    const server = new TestAppServer(service, {});
    const started = assert.rejects(server.app.start(), /was stopped/);
    await server.event("server_connection.closed");
    assert.equal(server.app.stop(), server.app.stop());
    await server.app.stop();
    await started;
    assert.equal(server.clock.timers, 0);
  });

  test("lets the process end, which it kept alive until then", async () => {
    await using service = await TestService.start();
    const program = `
      import { createAppServer } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const app = createAppServer({ connectionString: process.env.CONNECTION, hub: "chat", connections: 1, shutdownTimeoutMs: 50 });
      process.once("SIGTERM", () => app.stop().then(() => console.log("stopped")));
      app.start().then(() => console.log("started"));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { PATH: process.env["PATH"], CONNECTION: service.connectionString },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}`)));
    const end = await Promise.race([service.connected(), died]);
    await end.accept();
    await Promise.race([once(child.stdout, "readable"), died]);
    child.kill("SIGTERM");
    await end.receives("ping");
    end.send({ type: "ping", pairs: [["shutdown", "finack"]] });
    const printed = await text(child.stdout);
    assert.equal(printed, "started\nstopped\n");
    await assert.rejects(died, /^Error: it ended with 0$/);
  });
});
