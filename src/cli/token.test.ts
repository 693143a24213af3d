import assert from "node:assert/strict";
import { test } from "node:test";
import { createVerifier } from "fast-jwt";
import { type Outcome, runCommand } from "../../test/support/command.ts";
import { DEVELOPMENT_KEY } from "../config/schema.ts";
import { tokenCommand } from "./token.ts";

const KEY = "another-key-0123456789";

function token(...args: string[]): Promise<Outcome> {
  return runCommand("hubwire", ["token", ...args]);
}

/** The claims of a token that is alone on standard output, signed with the key. */
async function claimsOf(key: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await token(...args);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^\S+\n$/);
  return createVerifier({ key })(stdout.trim()) as Record<string, unknown>;
}

test("a client token opens its hub for its user, with its claims, for its time", async () => {
  const args = "--hub Chat --user ann --claim role=a=b --claim tag=1 --claim tag=2 --ttl 60".split(" ");
  const { nbf, exp, iat, ...claims } = await claimsOf(DEVELOPMENT_KEY, ...args);
  assert.equal(Number(exp) - Number(iat), 60);
  assert.equal(nbf, iat);
  assert.deepEqual(claims, {
    aud: "http://localhost/client/?hub=chat",
    "asrs.s.uid": "ann",
    role: "a=b",
    tag: ["1", "2"],
  });
});

test("a REST token is for one path, or for one URL without its query", async () => {
  const byPath = await claimsOf(DEVELOPMENT_KEY, "--kind", "rest", "--path", "/api/hubs/chat/:send");
  const byUrl = await claimsOf(
    DEVELOPMENT_KEY,
    "--kind",
    "rest",
    "--url",
    "https://a.example/api/hubs/chat?api-version=2022-06-01",
  );
  assert.deepEqual(
    [byPath["aud"], byUrl["aud"]],
    ["http://localhost:8888/api/hubs/chat/:send", "https://a.example/api/hubs/chat"],
  );
});

test("the key and the address come from a connection string, a flag or the configuration", async () => {
  const text = `Endpoint=https://a.example;Port=444;AccessKey=${KEY};Version=1.0;`;
  const rest = await claimsOf(KEY, "--connection-string", text, "--kind", "rest", "--path", "/api/health");
  assert.equal(rest["aud"], "https://a.example:444/api/health");
  const client = await claimsOf(KEY, "--access-key", KEY, "--hub", "a", "--url", "https://b.example/x");
  assert.equal(client["aud"], "https://b.example/client/?hub=a");
});

/** The error of a call, with what was told about it. */
async function refusalOf(args: readonly string[]): Promise<string> {
  let told = "";
  const command = tokenCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (told += text) });
  try {
    await command.parseAsync(args, { from: "user" });
  } catch (error) {
    assert.ok(error instanceof Error);
    return `${error.name}: ${told}${error.message}`;
  }
  throw new assert.AssertionError({ message: "not refused" });
}

for (const [args, refusal] of [
  [[], /^CommanderError: .*a client token needs --hub/],
  [["--kind", "rest"], /^CommanderError: .*a REST token needs --path or --url/],
  [["--kind", "server"], /^CommanderError: .*Allowed choices are client, rest/],
  [["--hub", "1a"], /^CommanderError: .*A hub's name is a letter/],
  [["--hub", "a", "--ttl", "0"], /^CommanderError: .*whole seconds from 1/],
  [["--hub", "a", "--claim", "role"], /^CommanderError: .*name=value/],
  [["--hub", "a", "--claim", "exp=1"], /^CommanderError: .*exp follows from --ttl/],
  [["--kind", "rest", "--path", "api"], /^CommanderError: .*must begin with \//],
  [["--kind", "rest", "--url", "api"], /^CommanderError: .*must begin with http/],
  [["--kind", "rest", "--url", "http://a", "--path", "/"], /^CommanderError: .*cannot be used with/],
  [
    ["--hub", "a", "--connection-string", "Endpoint=http://a;"],
    /^ConnectionStringError: AccessKey is missing/,
  ],
  [["--hub", "a", "--access-key", "short"], /^ConfigError: .*\n.*--access-key\[0\]/],
] as const)
  test(`token ${args.join(" ")} is refused`, async () => {
    assert.match(await refusalOf(args), refusal);
  });
