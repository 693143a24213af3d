import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config, ConfigOptions } from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { configFrom, loadConfig } from "./load.ts";

const ISSUER = "https://login.microsoftonline.com/tenant/v2.0";

function issuersOf(issuers: unknown): Config["auth"]["issuers"] {
  return configFrom({ auth: { issuers } } as ConfigOptions).auth.issuers;
}

function problemsOf(issuers: unknown): readonly ConfigProblem[] {
  try {
    issuersOf(issuers);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  throw new assert.AssertionError({ message: "no ConfigError" });
}

test("an issuer needs its name and audiences; roles have Azure's names unless told otherwise, each for itself", () => {
  const roles = {
    owner: ["SignalR Service Owner"],
    restOwner: ["SignalR REST API Owner"],
    reader: ["SignalR REST API Reader"],
    appServer: ["SignalR App Server"],
  };
  const issuer = { issuer: ISSUER, audiences: ["a"] };
  const complete = { ...issuer, rolesClaim: "roles", roles };
  assert.deepEqual(issuersOf([issuer]), [complete]);
  const own = { ...issuer, rolesClaim: "oid", roles: { owner: ["id"], reader: [] } };
  assert.deepEqual(issuersOf([own]), [{ ...own, roles: { ...roles, owner: ["id"], reader: [] } }]);
  const jwksUrl = "https://t.b2clogin.com/keys?p=policy";
  assert.deepEqual(issuersOf([{ ...issuer, jwksUrl }]), [{ ...complete, jwksUrl }]);
});

test("issuers may come from the environment, as JSON", () => {
  const HUBWIRE_AUTH_ISSUERS = JSON.stringify([{ issuer: ISSUER, audiences: ["a", "b"] }]);
  const [issuer] = loadConfig({ env: { HUBWIRE_AUTH_ISSUERS } }).auth.issuers;
  assert.deepEqual([issuer?.issuer, issuer?.audiences], [ISSUER, ["a", "b"]]);
});

for (const [what, change, path, message] of [
  ["no name", { issuer: undefined }, "[0].issuer", /^nothing is not an absolute http/],
  ["a name that is no URL", { issuer: "entra" }, "[0].issuer", /^"entra" is not an absolute http/],
  ["no audiences", { audiences: undefined }, "[0].audiences", /is not a list of at least one audience$/],
  ["an empty list of audiences", { audiences: [] }, "[0].audiences", /at least one audience$/],
  ["an empty audience", { audiences: [""] }, "[0].audiences[0]", /^"" is not text$/],
  ["a key set that is no URL", { jwksUrl: "keys.json" }, "[0].jwksUrl", /is not an absolute http/],
  [
    "an unknown member",
    { audience: "a" },
    "[0]",
    /^audience is unknown; it must be a map with issuer, jwksUrl/,
  ],
  [
    "an unknown role",
    { roles: { admin: ["a"] } },
    "[0].roles",
    /^admin is unknown; it must be a map with owner/,
  ],
  [
    "a role that has no names",
    { roles: { owner: 5 } },
    "[0].roles.owner",
    /^5 is not a list of names of roles$/,
  ],
] as const)
  test(`an issuer with ${what} is told so`, () => {
    const [problem, ...more] = problemsOf([{ issuer: ISSUER, audiences: ["a"], ...change }]);
    assert.deepEqual(more, []);
    assert.equal(problem?.path, `auth.issuers${path}`);
    assert.match(problem.message, message);
  });

test("an issuer may be there once only", () => {
  const issuer = { issuer: ISSUER, audiences: ["a"] };
  const [problem] = problemsOf([issuer, { ...issuer, audiences: ["b"] }]);
  assert.match(problem?.message ?? "", /is not a list in which each issuer is there once$/);
});
