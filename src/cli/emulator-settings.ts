import { existsSync } from "node:fs";
import path from "node:path";
import type { UpstreamTemplate } from "../config/config.ts";
import { CommandError } from "./command-error.ts";

/** The name that the emulator gives its settings, in the current folder unless told otherwise. */
export const SETTINGS_FILE = "settings.json";

/**
 * Where the emulator's settings are: a file, or a folder with a settings.json.
 * @returns the path, of a file that exists if one was asked for
 * @throws {CommandError} when neither exists
 */
export function settingsFile(asked: string | undefined): string {
  if (!asked) return path.resolve(SETTINGS_FILE);
  const file = path.resolve(asked);
  const inFolder = path.join(file, SETTINGS_FILE);
  if (existsSync(inFolder)) return inFolder;
  if (existsSync(file)) return file;
  throw new CommandError(`Unable to find config file '${file}' or '${inFolder}'.`);
}

/** The list that the emulator prints. */
export function listed(templates: readonly UpstreamTemplate[]): string {
  if (templates.length === 0)
    return "No upstream is set yet. Use 'upstream init' to create default upstreams.";
  return templates
    .map(
      ({ UrlTemplate, EventPattern, HubPattern, CategoryPattern }, index) =>
        `\t[${index}]${UrlTemplate}(event:'${EventPattern ?? ""}',hub:'${HubPattern ?? ""}',category:'${CategoryPattern ?? ""}')`,
    )
    .join("\n");
}
