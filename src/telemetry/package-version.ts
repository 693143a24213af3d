import { readFileSync } from "node:fs";

/** The version of this package; its package.json is two folders up from both `src/telemetry` and `dist/telemetry`. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
