import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { RunningCommand, runCommand } from "../../test/support/command.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-start-"));
after(() => rmSync(folder, { recursive: true }));

const KEY = "planted-secret-key-0123456789";
let folders = 0;

function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): RunningCommand {
  const dataDir = path.join(folder, `data-${folders++}`);
  return new RunningCommand("hubwire", ["start", "--port", "0", "--data-dir", dataDir, ...args], {
    cwd: folder,
    env,
  });
}

const SERVES = /^Hubwire \S+ serves (http:\S+)$/m;
const CONNECTION_STRING = /^(Endpoint=http:\/\/localhost;Port=\d+;AccessKey=[^;]+;Version=1\.0;)$/m;

async function token(...args: string[]): Promise<string> {
  return (await runCommand("hubwire", ["token", ...args])).stdout.trim();
}

/** A request that never ends, so that draining has to wait. */
async function unendingRequest(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "localhost").on("error", () => socket.destroy());
  await once(socket, "connect");
  socket.write("GET /api/health HTTP/1.1\r\n");
  return socket;
}

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`start serves, prints URL and connection string, and ends with 0 on ${signal}`, async () => {
    await using service = start();
    const url = await service.printed(SERVES);
    const { port } = new URL(url);
    assert.equal(
      await service.printed(CONNECTION_STRING),
      `Endpoint=http://localhost;Port=${port};AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;`,
    );
    assert.equal((await runCommand("hubwire", ["health", "--url", url])).code, 0);
    service.signal(signal);
    service.signal(signal); // as npm does with Ctrl-C
    const { code, stderr } = await service.ended;
    assert.equal(code, 0);
    assert.match(stderr, /"event":"service.stopped"/);
  });

test("a token of `hubwire token` with the printed connection string is accepted", async () => {
  await using service = start(["--access-key", KEY]);
  const url = await service.printed(SERVES);
  const connectionString = await service.printed(CONNECTION_STRING);
  const bearer = await token(
    "--connection-string",
    connectionString,
    "--kind",
    "rest",
    "--path",
    "/api/hubs/chat/:send",
  );
  const response = await fetch(`${url}/api/hubs/chat/:send?api-version=2022-06-01`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: '{"target":"t","arguments":[]}',
  });
  assert.equal(response.status, 202);
});

test("no access key, token or payload is in the log at any level", async () => {
  await using service = start(["--access-key", KEY, "--log-level", "trace"]);
  const url = await service.printed(SERVES);
  const user = await token("--access-key", KEY, "--hub", "chat", "--user", "ann");
  const rest = await token("--access-key", KEY, "--kind", "rest", "--path", "/api/hubs/chat/:send");
  const client = new HubConnectionBuilder()
    .withUrl(`${url}/client/?hub=chat`, { accessTokenFactory: () => user })
    .configureLogging(LogLevel.None)
    .build();
  const received = new Promise((resolve) => client.on("news", resolve));
  await client.start();
  const send = (bearer: string, body: string): Promise<Response> =>
    fetch(`${url}/api/hubs/chat/:send?api-version=2022-06-01&access_token=${rest}`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      body,
    });
  assert.equal((await send(rest, '{"target":"news","arguments":["planted-payload"]}')).status, 202);
  assert.equal(await received, "planted-payload");
  assert.equal((await send(rest, '{"target":"planted-payload')).status, 400);
  assert.equal((await send(`${rest}x`, "{}")).status, 401);
  assert.equal(
    (await fetch(`${url}/client/negotiate?hub=other&access_token=${user}`, { method: "POST" })).status,
    401,
  );
  await assert.rejects(client.invoke("echo", "planted-payload"));
  await client.stop();
  service.signal("SIGTERM");
  const { stderr } = await service.ended;
  for (const event of ["client.opened", "client.closed", "rest.unauthorized", "service.stopped"])
    assert.ok(stderr.includes(`"event":"${event}"`), event);
  for (const secret of [KEY, user, rest, "planted-payload"]) assert.ok(!stderr.includes(secret), secret);
});

test("who does not leave is cut off when the grace period is over", async () => {
  await using service = start([], { HUBWIRE_SHUTDOWN_GRACE_SECONDS: "0.2" });
  await unendingRequest(await service.printed(SERVES));
  service.signal("SIGTERM");
  assert.equal((await service.ended).code, 0);
});

test("a second signal ends a service that still drains, at once", async () => {
  await using service = start();
  await unendingRequest(await service.printed(SERVES));
  using _impatience = setInterval(() => service.signal("SIGTERM"), 50);
  assert.equal((await service.ended).code, 143);
});

test("a port in use is told with what to do", async () => {
  await using other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await using service = start(["--port", String(port), "--host", "127.0.0.1"]);
  assert.deepEqual(await service.ended, {
    code: 1,
    stdout: "",
    stderr: `hubwire: port ${port} on 127.0.0.1 is already in use. Stop the program that uses it, or choose another with --port (0 takes any free one).\n`,
  });
});

test("metrics are served where --metrics-port says, and a port in use is told with what to do", async () => {
  await using service = start(["--metrics-port", "0"]);
  const url = await service.printed(/^ {2}metrics (http:\S+)$/m);
  assert.match(await (await fetch(url)).text(), /^hubwire_clients 0$/m);
  const { port } = new URL(url);
  await using second = start(["--metrics-port", port]);
  assert.deepEqual(await second.ended, {
    code: 1,
    stdout: "",
    stderr: `hubwire: port ${port} on localhost is already in use. Stop the program that uses it, or choose another with --metrics-port (0 takes any free one).\n`,
  });
});

test("an address that is not this machine's is told with what to do", async () => {
  await using service = start(["--ip", "192.0.2.1"]);
  const { code, stderr } = await service.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^hubwire: this machine has no address 192\.0\.2\.1 to listen on\..*\n$/);
});

test("a data folder that cannot be used is told with what to do", async () => {
  const file = path.join(folder, "a-file");
  writeFileSync(file, "not a folder");
  await using service = start(["--data-dir", file]);
  const { code, stdout, stderr } = await service.ended;
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^hubwire: .*a-file.*The data folder is set with --data-dir\.\n$/);
});

test("the well-known key on an address that others reach is warned about", async () => {
  await using service = start(["--host", "0.0.0.0"]);
  assert.match(await service.printed(/^Warning: .*$/m), /everyone knows this access key/);
});
