import { settings } from "./schema.ts";

/** The table of docs/configuration.md, made from the schema; a test keeps the file equal to it. */
export function settingsTable(): string {
  const rows = settings.map(({ path, env, about }) => [
    `\`${path}\``,
    [env, about.alsoEnv, about.flag]
      .flatMap((name) => (name === undefined ? [] : [`\`${name}\``]))
      .join("<br>"),
    about.takes,
    about.default === undefined ? "" : `\`${asText(about.default)}\``,
    about.doc,
  ]);
  return [["Setting", "Environment, flag", "Takes", "Default", "Meaning"], Array(5).fill("---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function asText(value: unknown): string {
  return Array.isArray(value) && value.length > 0
    ? value.join(",")
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}
