import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { runCommand } from "../../test/support/command.ts";

async function serverThatAnswers(status: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/api/health" ? status : 404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

test("health ends with 0 where the service answers 200", async () => {
  await using server = await serverThatAnswers(200);
  const outcome = await runCommand("hubwire", ["health", "--url", `http://127.0.0.1:${portOf(server)}/`]);
  assert.deepEqual(outcome, { code: 0, stdout: "healthy\n", stderr: "" });
});

test("health ends with 1 where it answers anything else", async () => {
  await using server = await serverThatAnswers(503);
  const url = `http://127.0.0.1:${portOf(server)}`;
  const stderr = `hubwire: unhealthy: ${url}/api/health answers 503\n`;
  assert.deepEqual(await runCommand("hubwire", ["health", "--url", url]), { code: 1, stdout: "", stderr });
});

test("health asks where a service with this configuration listens, not at its public URL", async () => {
  await using server = await serverThatAnswers(200);
  const env = {
    HUBWIRE_PORT: String(portOf(server)),
    HUBWIRE_HOST: "0.0.0.0",
    HUBWIRE_PUBLIC_URL: "https://nowhere.invalid",
  };
  assert.equal((await runCommand("hubwire", ["health"], { env })).code, 0);
});

test("health ends with 1 and says why where nobody answers", async () => {
  const server = await serverThatAnswers(200);
  const url = `http://127.0.0.1:${portOf(server)}`;
  server.close();
  await once(server, "close");
  const { code, stderr } = await runCommand("hubwire", ["health", "--url", url]);
  assert.equal(code, 1);
  assert.ok(stderr.startsWith(`hubwire: unhealthy: no answer from ${url}/api/health (connect ECONNREFUSED`));
  assert.equal((await runCommand("hubwire", ["health", "--url", "localhost:1"])).code, 1);
});
