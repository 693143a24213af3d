import type { z } from "zod";
import type { Config, ConfigOptions } from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { givenInEnvironment } from "./environment.ts";
import { type Given, givenInMap } from "./given.ts";
import { configSchema, type Setting, settings } from "./schema.ts";
import { resolvedTemplates } from "./upstream-secrets.ts";

/** Where a configuration comes from; what stands later here wins. */
export interface ConfigSources {
  /** A YAML or JSON file, else the one that `HUBWIRE_CONFIG` names. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values by the path of their setting, as text; `undefined` where a flag was not given. */
  readonly flags?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * The configuration of a process.
 * @throws {ConfigError} with everything that is wrong in any of the sources
 */
export function loadConfig({ file, env, flags = {} }: ConfigSources): Config {
  const problems: ConfigProblem[] = [];
  const name = configFileOf({ file, env });
  const given = [
    ...(name === undefined ? [] : givenInFile(name, problems)),
    ...givenInEnvironment(env, problems),
    ...givenInMap(flags, problems, { nameOf: (setting) => setting.about.flag ?? setting.path }),
  ];
  return checked(given, problems, env);
}

/** The file that a configuration comes from, if any. */
export function configFileOf({ file, env }: ConfigSources): string | undefined {
  return file ?? (env["HUBWIRE_CONFIG"] || undefined);
}

/**
 * The configuration of an embedded service: defaults and what the program gives; neither file nor environment.
 * @param env the variables that upstream templates may refer to
 * @throws {ConfigError} with everything that is wrong
 */
export function configFrom(options: ConfigOptions, env: ConfigSources["env"] = {}): Config {
  const problems: ConfigProblem[] = [];
  return checked(givenInMap(options, problems), problems, env);
}

function givenInFile(name: string, problems: ConfigProblem[]): Given[] {
  let file: ConfigFile;
  try {
    file = readConfigFile(name);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return [];
  }
  const sourceOf = (path: readonly PropertyKey[]): string => {
    const line = file.lineOf(path);
    return line === undefined ? name : `${name}, line ${line}`;
  };
  return givenInMap(file.content ?? {}, problems, { sourceOf });
}

function checked(given: readonly Given[], problems: ConfigProblem[], env: ConfigSources["env"]): Config {
  const values = new Map<Setting, unknown>(settings.map((setting) => [setting, setting.about.default]));
  for (const each of given) {
    const result = each.setting.schema.safeParse(each.value, { reportInput: true });
    if (!result.success) problems.push(...result.error.issues.map((issue) => problemOf(issue, each)));
    else {
      values.set(each.setting, result.data);
      if (each.setting.path === "upstream.templates")
        resolvedTemplates(result.data as Config["upstream"]["templates"], env, (inside, message) =>
          problems.push({ ...placeOf(inside, each), message }),
        );
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.filter(isFirstOfItsKind));
  return configSchema.parse(nested(values));
}

function placeOf(
  inside: readonly PropertyKey[],
  { name, sourceOf }: Given,
): Pick<ConfigProblem, "path" | "source"> {
  const path = inside.reduce<string>(
    (whole, key) => (typeof key === "number" ? `${whole}[${key}]` : `${whole}.${String(key)}`),
    name,
  );
  return { path, source: sourceOf?.(inside) };
}

function problemOf(issue: z.core.$ZodIssue, given: Given): ConfigProblem {
  const { setting } = given;
  const { path, source } = placeOf(issue.path, given);
  if (issue.code === "unrecognized_keys")
    return { path, source, message: `${issue.keys.join(", ")} is unknown; it must be ${issue.message}` };
  const shownValue = setting.about.secret ? "what is given (not shown)" : shown(issue.input);
  return { path, source, message: `${shownValue} is not ${issue.message}` };
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map";
  const text = typeof value === "string" ? JSON.stringify(value) : `${value as number | boolean}`;
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** One value can break several rules that are told in the same words. */
function isFirstOfItsKind(problem: ConfigProblem, index: number, all: readonly ConfigProblem[]): boolean {
  return all.findIndex(({ path, message }) => path === problem.path && message === problem.message) === index;
}

function nested(values: ReadonlyMap<Setting, unknown>): unknown {
  const root: Record<string, unknown> = {};
  for (const [{ path }, value] of values) {
    const [section, key] = path.split(".");
    if (section === undefined || value === undefined) continue;
    if (key === undefined) root[section] = value;
    else root[section] = { ...(root[section] as object | undefined), [key]: value };
  }
  return root;
}
