import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { runCommand } from "../../test/support/command.ts";

async function serverThatAnswers(status: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/api/health" ? status : 404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

test("health ends with 0 where the service answers 200, and with 1 otherwise", async () => {
  for (const [status, outcome] of [
    [200, { code: 0, stdout: "healthy\n", stderr: "" }],
    [503, { code: 1, stdout: "", stderr: "hubwire: unhealthy: URL answers 503\n" }],
  ] as const) {
    const { server, port } = await serverThatAnswers(status);
    const stderr = outcome.stderr.replace("URL", `http://127.0.0.1:${port}/api/health`);
    assert.deepEqual(await runCommand("hubwire", ["health", "--url", `http://127.0.0.1:${port}/`]), {
      ...outcome,
      stderr,
    });
    server.close();
  }
});

test("health asks where a service with this configuration listens, not at its public URL", async () => {
  const { server, port } = await serverThatAnswers(200);
  const env = {
    HUBWIRE_PORT: String(port),
    HUBWIRE_HOST: "0.0.0.0",
    HUBWIRE_PUBLIC_URL: "https://nowhere.invalid",
  };
  assert.equal((await runCommand("hubwire", ["health"], { env })).code, 0);
  server.close();
});

test("health ends with 1 and says why where nobody answers", async () => {
  const { server, port } = await serverThatAnswers(200);
  server.close();
  const { code, stderr } = await runCommand("hubwire", ["health", "--url", `http://127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^hubwire: unhealthy: no answer from http:\/\/127\.0\.0\.1:\d+\/api\/health \(connect ECONNREFUSED/,
  );
  assert.equal((await runCommand("hubwire", ["health", "--url", "localhost:1"])).code, 1);
});
