import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { ConfigError } from "./config-error.ts";
import { configFrom, loadConfig } from "./load.ts";
import { usableTemplates } from "./upstream-secrets.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-secrets-"));
after(() => rmSync(folder, { recursive: true }));

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const SECRET = "planted-secret";

/** The templates as they are used, of templates as they are written. */
function usable(templates: readonly object[], env: Record<string, string> = {}) {
  const config = configFrom({ upstream: { templates: templates as never } }, env);
  return usableTemplates(config.upstream.templates, env);
}

function problemsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.ok(!error.message.includes(SECRET), error.message);
    return error.problems.map(({ path: place, message }) => `${place}: ${message}`);
  }
  throw new assert.AssertionError({ message: "no ConfigError" });
}

test("references are replaced by variables and files, in the URL and in headers; what is shown keeps them", () => {
  const file = fileWith("code", `${SECRET}-from-file\n`);
  const UrlTemplate = `\${env:BASE}/{hub}?code=\${file:${file}}`;
  const Headers = { "x-key": "k ${env:KEY}" };
  const { templates, files } = usable([{ UrlTemplate, Auth: { Type: "Headers", Headers } }], {
    BASE: "https://a.example",
    KEY: SECRET,
  });
  assert.deepEqual(templates, [
    {
      url: `https://a.example/{hub}?code=${SECRET}-from-file`,
      shownUrl: UrlTemplate,
      hubs: "*",
      categories: "*",
      events: "*",
      auth: {
        type: "headers",
        headers: [{ name: "x-key", value: `k ${SECRET}`, shownValue: "k ${env:KEY}" }],
      },
    },
  ]);
  assert.deepEqual(files, [file]);
});

test("client credentials are taken with their references", () => {
  const Auth = {
    Type: "ClientCredentials",
    TokenUrl: "https://login.example/${env:TENANT}/token",
    ClientId: "id",
    ClientSecret: "${env:CLIENT_SECRET}",
    Scope: "api/.default",
  };
  const env = { TENANT: "t", CLIENT_SECRET: SECRET };
  const [template] = usable([{ UrlTemplate: "http://a", Auth }], env).templates;
  assert.deepEqual(template?.auth, {
    type: "clientCredentials",
    tokenUrl: "https://login.example/t/token",
    clientId: "id",
    clientSecret: SECRET,
    scope: "api/.default",
  });
});

test("every reference without a value is told, with its place", () => {
  const empty = fileWith("empty", "\n");
  const large = fileWith("large", "");
  truncateSync(large, 65_537);
  const templates = [
    { UrlTemplate: "http://a/?${env:NONE}&${env:EMPTY}&${other:X}" },
    {
      UrlTemplate: `http://a/\${file:${folder}/none}\${file:${empty}}\${file:${large}}\${file:${folder}}`,
      Auth: { Type: "Headers", Headers: { "x-key": "${env:constructor}" } },
    },
  ];
  assert.deepEqual(
    problemsOf(() => usable(templates, { EMPTY: "" })),
    [
      "upstream.templates[0].UrlTemplate: ${env:NONE}: the environment variable NONE is not set",
      "upstream.templates[0].UrlTemplate: ${env:EMPTY}: the environment variable EMPTY is not set",
      "upstream.templates[0].UrlTemplate: ${other:X}: write ${env:NAME} or ${file:PATH}",
      `upstream.templates[1].UrlTemplate: \${file:${folder}/none}: there is no such file`,
      `upstream.templates[1].UrlTemplate: \${file:${empty}}: the file is empty`,
      `upstream.templates[1].UrlTemplate: \${file:${large}}: this is no file of at most 65536 bytes`,
      `upstream.templates[1].UrlTemplate: \${file:${folder}}: this is no file of at most 65536 bytes`,
      "upstream.templates[1].Auth.Headers.x-key: ${env:constructor}: the environment variable constructor is not set",
    ],
  );
});

test("a file's problem is told with its line, together with what else is wrong", () => {
  const file = fileWith(
    "missing.yaml",
    "port: x\nupstream:\n  templates:\n    - UrlTemplate: http://a/?code=${env:NONE}\n",
  );
  assert.throws(
    () => loadConfig({ file, env: {} }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const [port, reference] = error.problems;
      assert.equal(reference?.source, `${file}, line 4`);
      assert.equal(port?.path, "port");
      return true;
    },
  );
});

for (const [what, template] of [
  ["a URL that is none", { UrlTemplate: "${env:S}" }],
  ["a URL with a password", { UrlTemplate: "http://${env:S}:x@a/" }],
  ["a URL of another scheme", { UrlTemplate: "${env:FTP}" }],
  [
    "a header with a line break",
    { UrlTemplate: "http://a", Auth: { Type: "Headers", Headers: { a: "${env:LINES}" } } },
  ],
  [
    "a token URL with a placeholder",
    {
      UrlTemplate: "http://a",
      Auth: { Type: "ClientCredentials", TokenUrl: "${env:HUB}", ClientId: "i", ClientSecret: "s" },
    },
  ],
] as const)
  test(`what references make is checked, and not shown: ${what}`, () => {
    const env = {
      S: SECRET,
      FTP: `ftp://${SECRET}`,
      LINES: `a\r\nX: ${SECRET}`,
      HUB: `http://{hub}/${SECRET}`,
    };
    const problems = problemsOf(() => usable([template], env));
    assert.equal(problems.length, 1);
  });

for (const [what, template, place] of [
  ["an unknown placeholder", { UrlTemplate: "http://a/{user}" }, "UrlTemplate"],
  ["no http URL", { UrlTemplate: "localhost:7071" }, "UrlTemplate"],
  [
    "a header of ours",
    { UrlTemplate: "http://a", Auth: { Type: "Headers", Headers: { "X-ASRS-Hub": "x" } } },
    "Auth.Headers.X-ASRS-Hub",
  ],
  [
    "a header that is none",
    { UrlTemplate: "http://a", Auth: { Type: "Headers", Headers: { "a b": "x" } } },
    "Auth.Headers.a b",
  ],
  [
    "a credential that is missing",
    { UrlTemplate: "http://a", Auth: { Type: "ClientCredentials", TokenUrl: "http://t", ClientId: "i" } },
    "Auth.ClientSecret",
  ],
  ["an unknown Auth", { UrlTemplate: "http://a", Auth: { Type: "Basic" } }, "Auth.Type"],
] as const)
  test(`a template is refused: ${what}`, () => {
    const [problem = ""] = problemsOf(() => usable([template]));
    assert.ok(problem.startsWith(`upstream.templates[0].${place}: `), problem);
  });
