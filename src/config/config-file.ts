import { readFileSync } from "node:fs";
import { isNode, LineCounter, parseDocument, type YAMLError } from "yaml";
import { ConfigError, type ConfigProblem } from "./config-error.ts";

/** The content of a configuration file and where in the file things stand. */
export interface ConfigFile {
  readonly name: string;
  readonly content: unknown;
  /** The line of the value at this path, or of the nearest thing around it. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

const SYNTAX_ERRORS_TOLD = 5;

/**
 * Reads a YAML or JSON file.
 * @throws {ConfigError} when it cannot be read, or is neither; with line and column
 */
export function readConfigFile(name: string): ConfigFile {
  try {
    return parseConfigText(name, readFileSync(name, "utf8"));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([{ path: name, message: unreadable(error) }]);
  }
}

/**
 * Reads YAML, of which JSON is a part; a file that is named as JSON may also have comments, as .NET allows.
 * @throws {ConfigError}
 */
export function parseConfigText(name: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const yaml = name.toLowerCase().endsWith(".json") ? withoutComments(text) : text;
  // Pretty errors would quote whole lines.
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const errors = [...document.errors, ...document.warnings].slice(0, SYNTAX_ERRORS_TOLD);
  if (errors.length > 0) throw new ConfigError(errors.map((error) => syntaxProblem(name, error, lines)));
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  };
  try {
    return { name, content: document.toJS(), lineOf };
  } catch (error) {
    // An alias without its anchor, or so many aliases that the file would grow without end.
    throw new ConfigError([{ path: name, message: error instanceof Error ? error.message : String(error) }]);
  }
}

function syntaxProblem(name: string, { code, message, pos }: YAMLError, lines: LineCounter): ConfigProblem {
  const { line, col } = lines.linePos(pos[0]);
  // What the parser quotes after a colon may be a key.
  const what = message.replace(/: ".*$/s, "");
  const hint = code === "MULTILINE_IMPLICIT_KEY" ? " (is a comma or a colon missing?)" : "";
  return { path: name, message: `syntax error at line ${line}, column ${col}: ${what}${hint}` };
}

/** Comments become spaces, so that lines and columns stay. */
function withoutComments(json: string): string {
  return json.replaceAll(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') ? found : found.replaceAll(/[^\n]/g, " "),
  );
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "this is a folder; name the file in it";
  if (code === "EACCES") return "this file may not be read by this user";
  return error instanceof Error ? error.message : String(error);
}
