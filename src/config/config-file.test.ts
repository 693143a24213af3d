import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { ConfigError } from "./config-error.ts";
import { parseConfigText, readConfigFile } from "./config-file.ts";
import { loadConfig } from "./load.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-config-file-"));
after(() => rmSync(folder, { recursive: true }));

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

test("YAML and JSON say the same", () => {
  const yaml = "port: 1\nlimits:\n  maxUrlBytes: 300\naccessKeys: [0123456789abcdefX]\n";
  const json =
    '\ufeff{\n\t"$schema": "x",\n\t"port": 1, "limits": {"maxUrlBytes": 300},\n\t"accessKeys": ["0123456789abcdefX"]\n}';
  assert.deepEqual(
    loadConfig({ file: fileWith("same.yaml", yaml), env: {} }),
    loadConfig({ file: fileWith("same.json", json), env: {} }),
  );
});

test("a file with nothing but comments, and a section with nothing in it, set nothing", () => {
  for (const text of ["", "# port: 1\n", "limits:\n"])
    assert.deepEqual(loadConfig({ file: fileWith("empty.yaml", text), env: {} }), loadConfig({ env: {} }));
});

test("the emulator's settings.json is read, with comments, trailing commas and any letter case as .NET reads it", () => {
  const text = `{
    // where functions run
    "Logging": { "LogLevel": { "Default": "Information" } },
    "upstreamSettings": {
      "Templates": [
        { "UrlTemplate": "http://localhost:7071//runtime/{hub}", /* all hubs */ "EventPattern": "a,b", "hubPattern": null },
      ],
    }
  }`;
  const { upstream } = loadConfig({ file: fileWith("settings.json", text), env: {} });
  assert.deepEqual(upstream.templates, [
    {
      UrlTemplate: "http://localhost:7071//runtime/{hub}",
      EventPattern: "a,b",
      HubPattern: null,
      CategoryPattern: "*",
    },
  ]);
});

test("templates of Azure Resource Manager are read, without what exists in Azure only, which is told", () => {
  const good = `upstream: { templates: [{ urlTemplate: "https://{hub}.example/{event}", auth: { type: None, managedIdentity: null } },
    { urlTemplate: "http://a", auth: null }] }`;
  const { upstream } = loadConfig({ file: fileWith("arm.yaml", good), env: {} });
  assert.equal(upstream.templates[0]?.Auth?.Type, "None");
  const azure = `upstream: { templates: [{ urlTemplate: "https://a/?code={@Microsoft.KeyVault(SecretUri=https://v/s)}",
    auth: { type: ManagedIdentity, managedIdentity: { resource: r } } }] }`;
  assert.throws(
    () => loadConfig({ file: fileWith("azure.yaml", azure), env: {} }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const [url, auth] = error.problems;
      assert.match(
        url?.message ?? "",
        /usable outside of Azure: put the secret into an environment variable/,
      );
      assert.match(auth?.message ?? "", /ManagedIdentity is for services inside Azure; ClientCredentials/);
      return true;
    },
  );
});

test("what is wrong in a template is told with its place", () => {
  const text =
    '{ "UpstreamSettings": { "Templates": [{ "UrlTemplate": "http://a" },\n{ "UrlTemplat": "x" }], "Other": 1 } }';
  const file = fileWith("wrong-settings.json", text);
  assert.throws(
    () => loadConfig({ file, env: {} }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const places = error.problems.map((problem) => problem.path);
      assert.deepEqual(places, [
        "UpstreamSettings.Other",
        "UpstreamSettings.Templates[1].UrlTemplate",
        "UpstreamSettings.Templates[1]",
      ]);
      assert.match(
        error.problems[2]?.message ?? "",
        /UrlTemplat is unknown; it must be a map with UrlTemplate/,
      );
      assert.match(error.problems[2]?.source ?? "", /line 2$/);
      return true;
    },
  );
});

for (const [what, name, text, place] of [
  ["YAML", "a.yaml", "port: 1\n limits: 2", /line 1, column 7/],
  [
    "JSON",
    "a.json",
    '{\n  "port": 1\n  "host": "a"\n}',
    /line 2, column 11: .*is a comma or a colon missing\?/,
  ],
  ["a name that is there twice", "b.yaml", "port: 1\nport: 2", /line 2, column 1/],
  ["two documents", "c.yaml", "port: 1\n---\nport: 2", /line 2, column 1/],
] as const)
  test(`a syntax error is told with line and column: ${what}`, () => {
    assert.throws(
      () => parseConfigText(name, text),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.problems[0]?.path, name);
        assert.match(error.message, place);
        return true;
      },
    );
  });

test("a file that cannot be read is told by name", () => {
  assert.throws(() => readConfigFile(path.join(folder, "none.yaml")), /none\.yaml: there is no such file/);
  assert.throws(() => readConfigFile(folder), /this is a folder/);
});

test("a file whose aliases grow without end is refused", () => {
  const levels = Array.from({ length: 12 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`);
  assert.throws(() => parseConfigText("bomb.yaml", ["a0: &a0 x", ...levels].join("\n")), ConfigError);
});

test("whatever a file holds, only a ConfigError comes out", () => {
  const token = fc.constantFrom(
    "port",
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    ",",
    "&a ",
    "*a",
    "!!x ",
    "1",
    "|",
    "#",
    "/*",
    "//",
    "?",
    "\t",
  );
  const text = fc.oneof(
    fc.array(token).map((tokens) => tokens.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, fc.constantFrom("x.yaml", "x.json"), (content, name) => {
      try {
        parseConfigText(name, content);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
      }
    }),
    { numRuns: 500 },
  );
});
