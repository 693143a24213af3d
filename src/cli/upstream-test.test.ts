import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import { type Outcome, RunningCommand, runCommand } from "../../test/support/command.ts";
import { jsonResult, UpstreamServer } from "../../test/support/upstream-server.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-upstream-test-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

function settingsWith(...templates: readonly object[]): string {
  const file = path.join(folder, `${files++}.json`);
  writeFileSync(file, JSON.stringify({ UpstreamSettings: { Templates: templates } }));
  return file;
}

function upstreamTest(config: string, ...args: readonly string[]): Promise<Outcome> {
  return runCommand("hubwire", ["upstream", "test", "--config", config, ...args], {
    env: { CODE: "planted-secret" },
  });
}

describe("hubwire upstream test", () => {
  test("shows which template matched, the request without secrets, and the reply, and ends with 0", async () => {
    await using upstream = await UpstreamServer.start((response, request) => {
      response.setHeader("x-answered", "yes");
      jsonResult(response, request, "höi");
    });
    const config = settingsWith(
      { UrlTemplate: "http://a.invalid", HubPattern: "other" },
      {
        UrlTemplate: `${upstream.url}/{event}?code=\${env:CODE}`,
        Auth: { Type: "Headers", Headers: { "x-key": "${env:CODE}" } },
      },
      { UrlTemplate: "http://b.invalid" },
    );
    const args = ["--hub", "Chat", "--event", "Echo", "--user", "ann", "--claim", "role=admin"];
    const { code, stdout, stderr } = await upstreamTest(
      config,
      ...args,
      "--argument",
      '"hi"',
      "--argument",
      "1.10",
    );
    assert.deepEqual([code, stderr], [0, ""]);
    for (const line of [
      "[0] hub 'other', category '*', event '*': does not match",
      "[1] hub '*', category '*', event '*': matches",
      "[2] hub '*', category '*', event '*': is not tried",
      `POST ${upstream.url}/Echo?code=\${env:CODE}`,
      "X-ASRS-User-Id: ann",
      "X-ASRS-User-Claims: role: admin",
      "x-key: ${env:CODE}",
      '{"type":1,"invocationId":"1","target":"Echo","arguments":["hi",1.10]}',
      "Answer 200",
      "x-answered: yes",
      '{"type":3,"invocationId":"1","result":"höi"}␞',
      "The client gets this result.",
    ])
      assert.ok(stdout.split("\n").includes(line), `${line}\n---\n${stdout}`);
    assert.ok(!stdout.includes("planted-secret"));
    const [request] = upstream.requests;
    assert.equal(request?.url, "/Echo?code=planted-secret");
    assert.equal(request?.headers["x-key"], "planted-secret");
    assert.equal(request?.headers["x-asrs-hub"], "chat");
    assert.match(String(request?.headers["x-asrs-signature"]), /^sha256=[0-9A-F]{64}$/);
  });

  test("sends what a MessagePack client would", async () => {
    await using upstream = await UpstreamServer.start();
    const config = settingsWith({ UrlTemplate: upstream.url });
    const args = [
      "--hub",
      "chat",
      "--event",
      "Echo",
      "--protocol",
      "messagepack",
      "--argument",
      '[1,"ü"]',
      "--send",
    ];
    const { code, stdout } = await upstreamTest(config, ...args);
    assert.equal(code, 0);
    assert.match(stdout, /^\(hex\) 96/m);
    assert.match(stdout, /The upstream took the event\.$/m);
    const [request] = upstream.requests;
    assert.equal(request?.headers["content-type"], "application/x-msgpack");
    assert.deepEqual(decode(request?.body ?? Buffer.alloc(0)), [1, {}, null, "Echo", [[1, "ü"]], []]);
  });

  test("connected and disconnected are connection events, unless the category is given", async () => {
    await using upstream = await UpstreamServer.start();
    const config = settingsWith({ UrlTemplate: upstream.url });
    await upstreamTest(config, "--hub", "chat", "--event", "connected");
    await upstreamTest(config, "--hub", "chat", "--event", "disconnected");
    await upstreamTest(config, "--hub", "chat", "--event", "connected", "--category", "messages", "--send");
    assert.deepEqual(
      upstream.requests.map(({ headers, body }) => [headers["x-asrs-category"], String(body)]),
      [
        ["connections", '{"type":10}'],
        ["connections", '{"type":11}'],
        ["messages", '{"type":1,"target":"connected","arguments":[]}'],
      ],
    );
  });

  test("ends with 1 and says why when the upstream does not take it", async () => {
    await using upstream = await UpstreamServer.start((response) => void response.writeHead(401).end());
    const config = settingsWith({ UrlTemplate: upstream.url });
    const { code, stdout, stderr } = await upstreamTest(config, "--hub", "chat", "--event", "Echo");
    assert.equal(code, 1);
    assert.match(stdout, /^Answer 401$/m);
    assert.match(
      stderr,
      /^hubwire: the upstream did not take the event: it answered 401; it does not accept the signature/,
    );
  });

  test("ends with 1 and names the patterns when no template matches", async () => {
    const config = settingsWith({ UrlTemplate: "http://a.invalid", EventPattern: "Send" });
    const { code, stderr } = await upstreamTest(config, "--hub", "chat", "--event", "Echo");
    assert.equal(code, 1);
    assert.equal(
      stderr,
      "hubwire: no upstream template matches hub 'chat', category 'messages' and event 'Echo'; tried: [0] hub '*', category '*', event 'Send'\n",
    );
  });

  for (const args of [
    ["--hub", "chat"],
    ["--hub", "1", "--event", "e"],
    ["--hub", "chat", "--event", "e", "--argument", "hello"],
    ["--hub", "chat", "--event", "e", "--claim", "x"],
    ["--hub", "chat", "--event", "e", "--category", "x"],
  ])
    test(`${args.join(" ")} is refused with 2`, async () => {
      assert.equal((await upstreamTest(settingsWith(), ...args)).code, 2);
    });
});

describe("start", { concurrency: true }, () => {
  for (const [bin, args] of [
    ["hubwire", ["start", "--port", "0", "--data-dir", path.join(folder, "data"), "--config"]],
    ["asrs-emulator", ["start", "-p", "0", "-c"]],
  ] as const)
    test(`${bin} start reads the templates again when the file changes, and keeps them when it cannot be used`, async () => {
      const file = settingsWith({ UrlTemplate: "http://a.invalid" });
      await using service = new RunningCommand(bin, [...args, file], { cwd: folder });
      await service.printed(/"event":"service.started"/);
      writeFileSync(file, '{ "UpstreamSettings": { "Templates": [{}] } }');
      await service.printed(/"event":"upstream.reload_failed".*Templates\[0\]\.UrlTemplate/);
      writeFileSync(
        file,
        JSON.stringify({ UpstreamSettings: { Templates: [{ UrlTemplate: "http://b.invalid" }] } }),
      );
      await service.printed(/"event":"upstream.reloaded","templates":1/);
    });
});
