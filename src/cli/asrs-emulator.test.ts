import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { type Outcome, RunningCommand, runCommand } from "../../test/support/command.ts";

const root = mkdtempSync(path.join(tmpdir(), "hubwire-emulator-"));
after(() => rmSync(root, { recursive: true }));

let folders = 0;

/** A folder of its own, with these settings if any. */
function newFolder(settings?: string): string {
  const folder = path.join(root, String(folders++));
  mkdirSync(folder);
  if (settings !== undefined) writeFileSync(path.join(folder, "settings.json"), settings);
  return folder;
}

function emulator(cwd: string, ...args: string[]): Promise<Outcome> {
  return runCommand("asrs-emulator", args, { cwd });
}

const DEFAULT_LIST = "\t[0]http://localhost:7071/runtime/webhooks/signalr(event:'*',hub:'*',category:'*')\n";
const ONE =
  '{ "UpstreamSettings": { "Templates": [{ "UrlTemplate": "http://a/{hub}", "HubPattern": "x,y" }] } }';
const ONE_LISTED = "\t[0]http://a/{hub}(event:'*',hub:'x,y',category:'*')\n";

test("without a command, help is printed", async () => {
  const { code, stdout, stderr } = await emulator(newFolder());
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /upstream[\s\S]*start/);
});

test("upstream init writes the default settings, which upstream list prints", async () => {
  const folder = newFolder();
  const file = path.join(folder, "settings.json");
  assert.deepEqual(await emulator(folder, "upstream", "init"), {
    code: 0,
    stdout: `Exported default settings to '${file}'.\n`,
    stderr: "",
  });
  assert.equal(
    (JSON.parse(readFileSync(file, "utf8")) as { UpstreamSettings: { Templates: [] } }).UpstreamSettings
      .Templates.length,
    1,
  );
  assert.deepEqual(await emulator(folder, "upstream", "list"), {
    code: 0,
    stdout: `Loaded upstream settings from '${file}'\nCurrent Upstream Settings:\n${DEFAULT_LIST}`,
    stderr: "",
  });
});

test("upstream init makes the folder it is given, and without a terminal overrides nothing", async () => {
  const folder = newFolder();
  assert.equal((await emulator(folder, "upstream", "init", "-o", "new/er")).code, 0);
  const file = path.join(folder, "new/er/settings.json");
  writeFileSync(file, ONE);
  const { code, stderr } = await emulator(folder, "upstream", "init", "-o", "new/er");
  assert.equal(code, 1);
  assert.ok(stderr.startsWith(`asrs-emulator: Already contains '${file}'`));
  assert.equal(readFileSync(file, "utf8"), ONE);
});

test("upstream list takes a file or a folder with a settings.json", async () => {
  const folder = newFolder(ONE);
  for (const config of [folder, path.join(folder, "settings.json")]) {
    const { code, stdout } = await emulator(root, "upstream", "list", "-c", config);
    assert.equal(code, 0);
    assert.ok(stdout.endsWith(ONE_LISTED));
  }
});

test("upstream list without settings says how to get them", async () => {
  const { code, stdout } = await emulator(newFolder(), "upstream", "list");
  assert.equal(code, 0);
  assert.match(stdout, /No upstream is set yet\. Use 'upstream init'/);
});

test("start prints the connection string between asterisks, and the upstreams", async () => {
  const folder = newFolder(ONE);
  await using service = new RunningCommand("asrs-emulator", ["start", "-p", "0", "-i", "127.0.0.1"], {
    cwd: folder,
  });
  await service.printed(/^Current Upstream Settings:$/m);
  service.signal("SIGINT");
  const { code, stdout } = await service.ended;
  assert.equal(code, 0);
  assert.ok(stdout.startsWith(`Loaded settings from '${path.join(folder, "settings.json")}'.\n`));
  assert.match(
    stdout,
    /\*{11}\n\nEndpoint=http:\/\/127\.0\.0\.1;Port=\d+;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1\.0;\n\n\*{11}\n/,
  );
  assert.ok(stdout.includes(ONE_LISTED));
});

for (const [args, message] of [
  [["start", "-p", "x"], /--port: "x" is not a whole number/],
  [["start", "-i", "localhost"], /Invalid IP address value: localhost/],
  [["start", "-c", "none"], /Unable to find config file '.*none' or '.*settings\.json'\./],
  [["upstream", "list", "-c", "none"], /Unable to find config file/],
  [["bogus"], /unknown command/],
  [["upstream"], /init[\s\S]*list/],
] as const)
  test(`asrs-emulator ${args.join(" ")} ends with 1 and says why`, async () => {
    const { code, stderr } = await emulator(newFolder(), ...args);
    assert.equal(code, 1);
    assert.match(stderr, message);
  });

test("settings that cannot be used are told and start nothing", async () => {
  const { code, stdout, stderr } = await emulator(
    newFolder('{ "UpstreamSettings": { "Templates": [{}] } }'),
    "start",
    "-p",
    "0",
  );
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /UpstreamSettings\.Templates\[0\]\.UrlTemplate/);
});
