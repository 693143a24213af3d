import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { configFrom, loadConfig } from "./load.ts";
import { DEVELOPMENT_KEY, settings } from "./schema.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-config-"));
after(() => rmSync(folder, { recursive: true }));

const SECRET = "planted-secret-0123456789";

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function problemsOf(load: () => unknown): readonly ConfigProblem[] {
  try {
    load();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.ok(error.problems.length > 0);
    for (const { path: place, message } of error.problems)
      assert.ok(error.message.includes(`${place}`) && error.message.includes(message));
    return error.problems;
  }
  throw new assert.AssertionError({ message: "no ConfigError" });
}

test("with nothing given, everything has its default", () => {
  const config = loadConfig({ env: {} });
  assert.equal(config.port, 8888);
  assert.deepEqual(config.accessKeys, [DEVELOPMENT_KEY]);
  assert.equal(config.limits.maxMessageBytes, 1_048_576);
  assert.equal(config.publicUrl, undefined);
  assert.equal(config.dataDir, ".hubwire");
  assert.deepEqual(configFrom({}), config);
});

test("every default is a value that the setting takes", () => {
  for (const { schema, about } of settings) assert.deepEqual(schema.parse(about.default), about.default);
});

test("a flag wins over the environment, that over the file, that over the default", () => {
  const file = fileWith(
    "precedence.yaml",
    "port: 1\nhost: a\nmode: serverless\nlimits: { maxUrlBytes: 300 }",
  );
  const config = loadConfig({
    file,
    env: { HUBWIRE_PORT: "2", HUBWIRE_HOST: "b" },
    flags: { port: "3", host: undefined },
  });
  assert.deepEqual(
    [config.port, config.host, config.mode, config.limits.maxUrlBytes, config.limits.maxHeaderBytes],
    [3, "b", "serverless", 300, 16_384],
  );
});

test("HUBWIRE_CONFIG names the file where no flag does", () => {
  const file = fileWith("env.yaml", "port: 1");
  const other = fileWith("flag.yaml", "port: 2");
  assert.equal(loadConfig({ env: { HUBWIRE_CONFIG: file } }).port, 1);
  assert.equal(loadConfig({ file: other, env: { HUBWIRE_CONFIG: file } }).port, 2);
});

test("all that is wrong in all sources is told at once, each with its place, what was given and what is right", () => {
  const file = fileWith(
    "wrong.yaml",
    `port: 99999\nlimits:\n  maxMesageBytes: 5\n  maxUrlBytes: "12x"\nzork: 1\ntimeouts: 5\ncors:\n  allowedOrigins: ["*", "https://a/"]\n`,
  );
  const env = { HUBWIRE_MODE: "x", HUBWIRE_LOG_LEVLE: "info", PATH: "/bin" };
  const problems = problemsOf(() => loadConfig({ file, env, flags: { port: "abc" } }));
  const at = (line: number): string => `${file}, line ${line}`;
  assert.deepEqual(
    problems.map(({ path: place, source, message }) => [place, source, message]),
    [
      ["limits.maxMesageBytes", at(3), "there is no such setting; did you mean limits.maxMessageBytes?"],
      ["zork", at(5), "there is no such setting"],
      ["timeouts", at(6), "this must be a map of settings"],
      ["HUBWIRE_LOG_LEVLE", undefined, "no setting has this name; did you mean HUBWIRE_LOG_LEVEL?"],
      ["port", at(1), "99999 is not a whole number from 0 to 65535"],
      ["limits.maxUrlBytes", at(4), '"12x" is not a whole number from 256 to 1073741824'],
      [
        "cors.allowedOrigins[1]",
        at(8),
        '"https://a/" is not an origin: "*", or scheme and host like https://app.example.com without a path',
      ],
      ["HUBWIRE_MODE", undefined, '"x" is not one of auto, default, serverless'],
      ["--port", undefined, '"abc" is not a whole number from 0 to 65535'],
    ],
  );
});

test("each setting can be given in the environment by its name", () => {
  const others: Record<string, string> = {
    HUBWIRE_HOST: "0.0.0.0",
    HUBWIRE_METRICS_HOST: "0.0.0.0",
    HUBWIRE_ACCESS_KEYS: `${SECRET}-1, ${SECRET}-2`,
    HUBWIRE_MODE: "serverless",
    HUBWIRE_DATA_DIR: "/data",
    HUBWIRE_LOG_LEVEL: "debug",
    HUBWIRE_LOG_FORMAT: "json",
    HUBWIRE_PUBLIC_URL: "https://signalr.example.com",
    HUBWIRE_CORS_ALLOWED_ORIGINS: "https://a.example,http://localhost:3000",
    HUBWIRE_AUTH_ISSUERS: '[{"issuer":"https://id.example.com","audiences":["hubwire"]}]',
    HUBWIRE_UPSTREAM_RETRIES: "2",
    HUBWIRE_UPSTREAM_REJECT_ON_CONNECTED_FAILURE: "True",
    HUBWIRE_UPSTREAM_TEMPLATES: '[{"UrlTemplate":"http://x/{event}"}]',
  };
  const env = Object.fromEntries(settings.map((setting) => [setting.env, others[setting.env] ?? "2000"]));
  const config = loadConfig({ env });
  assert.deepEqual(config.accessKeys, [`${SECRET}-1`, `${SECRET}-2`]);
  assert.deepEqual(config.cors.allowedOrigins, ["https://a.example", "http://localhost:3000"]);
  assert.equal(config.limits.statefulReconnectBufferBytes, 2000);
  assert.equal(config.timeouts.webSocketCloseSeconds, 2000);
  assert.equal(config.upstream.templates[0]?.UrlTemplate, "http://x/{event}");
  assert.equal(config.upstream.rejectOnConnectedFailure, true);
});

test("HUBWIRE_ACCESS_KEY is HUBWIRE_ACCESS_KEYS, and both together are refused", () => {
  const config = loadConfig({ env: { HUBWIRE_ACCESS_KEY: SECRET } });
  assert.deepEqual(config.accessKeys, [SECRET]);
  const both = { HUBWIRE_ACCESS_KEY: SECRET, HUBWIRE_ACCESS_KEYS: SECRET };
  assert.match(
    problemsOf(() => loadConfig({ env: both }))[0]?.message ?? "",
    /HUBWIRE_ACCESS_KEY is set too/,
  );
});

test("an empty variable is not set, and service links of Kubernetes are not settings", () => {
  const env = {
    HUBWIRE_MODE: "",
    HUBWIRE_PORT: "tcp://10.0.0.1:8888",
    HUBWIRE_SERVICE_HOST: "10.0.0.1",
    HUBWIRE_SERVICE_PORT_HTTP: "8888",
    HUBWIRE_PORT_8888_TCP_ADDR: "10.0.0.1",
    HUBWIRE_METRICS_PORT: "tcp://10.0.0.2:9464",
    HUBWIRE_METRICS_SERVICE_HOST: "10.0.0.2",
    HUBWIRE_METRICS_PORT_9464_TCP_ADDR: "10.0.0.2",
  };
  assert.deepEqual(loadConfig({ env }), loadConfig({ env: {} }));
});

test("a secret is never shown, however wrong it is", () => {
  const file = fileWith(
    "secret.yaml",
    `accessKeys: ["${SECRET};"]\nupstream: { templates: [{ UrlTemplate: "ftp://x?code=${SECRET}" }] }`,
  );
  const broken = fileWith("broken.yaml", `accessKeys: "a" ${SECRET}\n  - ${SECRET}: [`);
  const env = { HUBWIRE_ACCESS_KEY: `${SECRET},short`, HUBWIRE_UPSTREAM_TEMPLATES: SECRET };
  const all = [
    ...problemsOf(() => loadConfig({ file, env, flags: { accessKeys: [`${SECRET} x`] } })),
    ...problemsOf(() => loadConfig({ file: broken, env: {} })),
  ];
  assert.ok(all.length >= 6);
  assert.ok(!JSON.stringify(all).includes(SECRET));
});

test("access keys are 16 or more characters that a connection string can carry", () => {
  const wrong = ["k".repeat(15), "", `${"k".repeat(16)};`, `${"k".repeat(16)} `, `${"k".repeat(16)}é`];
  for (const key of wrong)
    assert.equal(problemsOf(() => configFrom({ accessKeys: [key] }))[0]?.path, "accessKeys[0]");
  assert.equal(problemsOf(() => configFrom({ accessKeys: [] }))[0]?.path, "accessKeys");
  assert.equal(configFrom({ accessKeys: ["k".repeat(16), "a+/=.~!<>:".repeat(9)] }).accessKeys.length, 2);
});

test("numbers are taken at their bounds and refused beyond", () => {
  for (const port of [0, 65_535]) assert.equal(configFrom({ port }).port, port);
  for (const port of [-1, 65_536, 1.5, Number.NaN, Infinity])
    assert.equal(problemsOf(() => configFrom({ port })).length, 1);
  assert.equal(configFrom({ timeouts: { pollSeconds: 0.01 } }).timeouts.pollSeconds, 0.01);
  for (const pollSeconds of [0, 86_401])
    assert.equal(problemsOf(() => configFrom({ timeouts: { pollSeconds } })).length, 1);
});

test("hosts and public URLs are what they say", () => {
  for (const host of ["localhost", "0.0.0.0", "::1", "hub_wire.internal"])
    assert.equal(configFrom({ host }).host, host);
  for (const host of ["", "http://localhost", "localhost:8888", "a b", "-a"])
    assert.equal(problemsOf(() => configFrom({ host })).length, 1);
  for (const publicUrl of ["https://a.example", "http://a:8/b/"])
    assert.equal(configFrom({ publicUrl }).publicUrl, publicUrl);
  for (const publicUrl of ["a.example", "ws://a", "https://u:p@a", "https://a?b", "https://"])
    assert.equal(problemsOf(() => configFrom({ publicUrl })).length, 1);
});

test("whatever it is given, only a ConfigError comes out, or a whole Config", () => {
  const names = [
    ...settings.flatMap(({ path: place }) => place.split(".")),
    "UpstreamSettings",
    "Templates",
    "UrlTemplate",
    "Auth",
    "__proto__",
    "constructor",
    "",
  ];
  const key = fc.oneof(fc.constantFrom(...names), fc.string());
  const leaf = fc.oneof(fc.anything(), fc.constantFrom("*", "http://x", "15", 15, null));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.dictionary(key, tie("tree")),
      fc.array(tie("tree"), { maxLength: 3 }),
    ),
  }));
  const environment = fc.dictionary(
    fc.oneof(
      fc.constantFrom(...settings.map(({ env }) => env)),
      fc.string().map((name) => `HUBWIRE_${name}`),
    ),
    fc.string(),
  );
  const whole = Object.keys(configFrom({}));
  const isConfigOrError = (load: () => object): void => {
    try {
      const config = load();
      assert.deepEqual(
        whole.filter((name) => !(name in config)),
        [],
      );
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  };
  fc.assert(
    fc.property(tree, environment, (options, env) => {
      isConfigOrError(() => configFrom(options as never));
      isConfigOrError(() => loadConfig({ env }));
    }),
    { numRuns: 500 },
  );
});
