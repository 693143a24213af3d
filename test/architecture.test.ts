import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

/** Each layer and the layers it may import. ARCHITECTURE.md explains the same table. */
const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  core: ["protocol"],
  websocket: ["protocol"],
  auth: ["core", "protocol"],
  store: ["core"],
  transports: ["core", "auth", "protocol", "websocket"],
  rest: ["core", "auth", "protocol"],
  upstream: ["core", "auth", "protocol"],
  "app-servers": ["core", "auth", "protocol", "websocket"],
  "app-server-sdk": ["core", "auth", "protocol"],
  server: ["core"],
  admin: ["core", "auth", "protocol"],
  telemetry: ["core"],
  config: ["core"],
  cli: ["app.ts", "admin", "auth", "config", "core", "store", "telemetry", "upstream"],
  "app.ts": [
    "protocol",
    "core",
    "websocket",
    "auth",
    "store",
    "transports",
    "rest",
    "upstream",
    "app-servers",
    "server",
    "admin",
    "telemetry",
    "config",
  ],
  "index.ts": ["app.ts"],
};
const IMPORT = /\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g;

for (const file of globSync("src/**/*.ts")) {
  if (/\.(test|contract)\.ts$/.test(file)) continue;
  const layer = relative("src", file).split("/")[0] ?? "";
  test(`${file} imports only what its layer may`, () => {
    const allowed = mayImport[layer];
    assert.ok(allowed, `add ${layer} to the layer table`);
    for (const [, from, dynamic] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const specifier = from ?? dynamic ?? "";
      if (layer === "protocol" || layer === "core")
        assert.doesNotMatch(specifier, /^node:(?!crypto$|buffer$)/, `${layer}/ does no I/O`);
      if (!specifier.startsWith(".")) continue;
      const target = relative("src", join(dirname(file), specifier)).split("/")[0] ?? "";
      assert.ok(target === layer || allowed.includes(target), `${layer} may not import ${specifier}`);
    }
  });
}
