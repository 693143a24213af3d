import { type Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import { type ConfigSources, loadConfig } from "../config/load.ts";
import { type Setting, settings } from "../config/schema.ts";

/** The settings that have a flag. */
export type FlaggedSetting =
  | "port"
  | "host"
  | "accessKeys"
  | "mode"
  | "dataDir"
  | "logLevel"
  | "metrics.port";

const SHORT: Readonly<Record<string, string>> = { port: "-p, " };

/** Adds `--config` and the flags of these settings, with the schema's words. */
export function addConfigOptions(command: Command, paths: readonly FlaggedSetting[]): Command {
  for (const setting of flagged(paths)) command.addOption(optionOf(setting));
  return command.option("-c, --config <file>", "YAML or JSON file with settings (HUBWIRE_CONFIG)");
}

/**
 * The configuration that the command's flags, the environment and the file make.
 * @throws {ConfigError}
 */
export function configOf(command: Command): Config {
  return loadConfig(configSourcesOf(command));
}

/**
 * Where the command's configuration comes from: its flags, the environment, and the file.
 * @param given values that stand for a flag which the command has under another name
 */
export function configSourcesOf(
  command: Command,
  given: Partial<Record<FlaggedSetting, string | undefined>> = {},
): ConfigSources {
  const values = command.opts<Record<string, string | string[] | undefined>>();
  const flags: Record<string, string | string[] | undefined> = {};
  for (const setting of settings)
    if (setting.about.flag) flags[setting.path] = values[optionOf(setting).attributeName()];
  for (const [path, value] of Object.entries(given)) flags[path] ??= value;
  const { config: file } = command.opts<{ config?: string }>();
  return { file, env: process.env, flags };
}

function flagged(paths: readonly string[]): readonly Setting[] {
  return settings.filter(({ path }) => paths.includes(path));
}

function optionOf({ path, env, about }: Setting): Option {
  const flag = about.flag ?? "";
  const isList = Array.isArray(about.default);
  const itsDefault = `default ${String(about.default)}`;
  const byDefault = about.default === undefined ? "off without it" : itsDefault;
  const remarks = `${isList ? "repeatable, " : ""}${byDefault}, ${about.alsoEnv ?? env}`;
  const option = new Option(
    `${SHORT[path] ?? ""}${flag} <${flag.slice(2)}>`,
    `${about.doc.replaceAll("`", '"')} (${remarks})`,
  );
  return isList
    ? option.argParser((key: string, before: string[] | undefined) => [...(before ?? []), key])
    : option;
}
