import type { ConfigProblem } from "./config-error.ts";
import { isMap } from "./kinds.ts";
import { nearMiss } from "./near-miss.ts";
import { type Setting, settings } from "./schema.ts";

/** A value that somebody gave for a setting, not yet checked. */
export interface Given {
  readonly setting: Setting;
  readonly value: unknown;
  /** The setting as it was written there. */
  readonly name: string;
  /** Where it stands, by the path inside the value. */
  readonly sourceOf?: ((path: readonly PropertyKey[]) => string) | undefined;
}

/** How a source names settings and says where they stand. */
interface Source {
  readonly nameOf?: (setting: Setting) => string;
  readonly sourceOf?: (path: readonly PropertyKey[]) => string;
}

/** `$schema` is for editors; the others stand in settings files of .NET programs beside `UpstreamSettings`. */
const NOT_OURS = new Set(["$schema", "Logging", "AllowedHosts", "Kestrel"]);

const settingAt = new Map(settings.map((setting) => [setting.path, setting]));
const sections = new Set(
  settings.flatMap(({ path }) => (path.includes(".") ? [path.slice(0, path.indexOf("."))] : [])),
);

/** The values in a map as a file has it: our settings, and the `UpstreamSettings` of the emulator. */
export function givenInMap(root: unknown, problems: ConfigProblem[], source: Source = {}): Given[] {
  const found: Given[] = [];
  const problem = (keys: readonly string[], message: string): void => {
    problems.push({ path: keys.join(".") || "(top)", source: source.sourceOf?.(keys), message });
  };
  const read = (keys: readonly string[], value: unknown, path: string): void => {
    const setting = settingAt.get(path);
    if (value === undefined) return;
    if (setting) {
      const name = source.nameOf?.(setting) ?? keys.join(".");
      const { sourceOf } = source;
      found.push({
        setting,
        value,
        name,
        sourceOf: sourceOf && ((inside) => sourceOf([...keys, ...inside])),
      });
    } else if (keys.length > 0 && !sections.has(path)) problem(keys, unknownSetting(path));
    else if (value !== null && !isMap(value)) problem(keys, "this must be a map of settings");
    else for (const [key, inner] of Object.entries(value ?? {})) readMember(keys, key, inner);
  };
  const readMember = (keys: readonly string[], key: string, value: unknown): void => {
    const path = [...keys, key].join(".").toLowerCase();
    if (keys.length === 0 && NOT_OURS.has(key)) return;
    if (path === "upstreamsettings" && isMap(value))
      for (const [inner, templates] of Object.entries(value)) readMember([key], inner, templates);
    else if (path === "upstreamsettings.templates") read([...keys, key], value, "upstream.templates");
    else read([...keys, key], value, [...keys, key].join("."));
  };
  read([], root, "");
  if (found.filter(({ setting }) => setting.path === "upstream.templates").length > 1)
    problem(["UpstreamSettings"], "upstream.templates is there too; keep one of them");
  return found;
}

function unknownSetting(path: string): string {
  const meant = nearMiss(path, [...settingAt.keys(), ...sections]);
  return `there is no such setting${meant ? `; did you mean ${meant}?` : ""}`;
}
