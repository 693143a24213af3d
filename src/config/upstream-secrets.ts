import { readFileSync, statSync } from "node:fs";
import type { Template, TemplateAuth } from "../core/upstream-template.ts";
import type { UpstreamAuth, UpstreamTemplate } from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { isAbsoluteUrl, REFERENCE } from "./upstream-template.ts";

/** The variables that references may name. */
type Environment = Readonly<Record<string, string | undefined>>;

/** Templates ready for use, and the files that their secrets came from. */
export interface UsableTemplates {
  readonly templates: readonly Template[];
  readonly files: readonly string[];
}

const MAX_SECRET_BYTES = 65_536;
/** What a header's value may have, RFC 9110 §5.5, without the bytes that nobody agrees on. */
const PRINTABLE = /^[\t\x20-\x7e]*$/;

/**
 * Puts secrets in the place of `${env:NAME}` and `${file:PATH}`. A path is relative to the folder the process runs in.
 * @throws {ConfigError} when one is missing, or makes something that cannot be used; no message has a secret
 */
export function usableTemplates(templates: readonly UpstreamTemplate[], env: Environment): UsableTemplates {
  const problems: ConfigProblem[] = [];
  const usable = resolvedTemplates(templates, env, (inside, message) => {
    const path = inside.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
    problems.push({ path: `upstream.templates${path}`, message });
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return usable;
}

/** As `usableTemplates`, but tells every problem with its place inside the list, and goes on. */
export function resolvedTemplates(
  templates: readonly UpstreamTemplate[],
  env: Environment,
  problem: TellProblem,
): UsableTemplates {
  const resolver = new Resolver(env, problem);
  const usable = templates.map((template, index) => usableTemplate(template, index, resolver));
  return { templates: usable, files: [...resolver.files] };
}

type Inside = readonly (string | number)[];
type TellProblem = (inside: Inside, message: string) => void;

/** What a text must be once its secrets are in it. */
interface Rule {
  readonly isRight: (resolved: string) => boolean;
  readonly otherwise: string;
}

const A_URL: Rule = {
  isRight: isAbsoluteUrl,
  otherwise: "what is in the place of its references makes no http:// or https:// URL (not shown)",
};
const A_TOKEN_URL: Rule = {
  isRight: (resolved) => isAbsoluteUrl(resolved) && !/[{}]/.test(resolved),
  otherwise: A_URL.otherwise,
};
const A_TEXT: Rule = {
  isRight: (resolved) => PRINTABLE.test(resolved),
  otherwise: "with what is in the place of its references it is not one line of ASCII (not shown)",
};

function usableTemplate(template: UpstreamTemplate, index: number, resolver: Resolver): Template {
  const { UrlTemplate, HubPattern, CategoryPattern, EventPattern, Auth } = template;
  return {
    url: resolver.resolve([index, "UrlTemplate"], UrlTemplate, A_URL),
    shownUrl: UrlTemplate,
    hubs: HubPattern,
    categories: CategoryPattern,
    events: EventPattern,
    auth: usableAuth(Auth ?? { Type: "None" }, index, resolver),
  };
}

function usableAuth(auth: UpstreamAuth, index: number, resolver: Resolver): TemplateAuth {
  const text = (inside: Inside, value: string): string =>
    resolver.resolve([index, "Auth", ...inside], value, A_TEXT);
  switch (auth.Type) {
    case "None":
      return { type: "none" };
    case "Headers":
      return {
        type: "headers",
        headers: Object.entries(auth.Headers).map(([name, shownValue]) => ({
          name,
          value: text(["Headers", name], shownValue),
          shownValue,
        })),
      };
    case "ClientCredentials":
      return {
        type: "clientCredentials",
        tokenUrl: resolver.resolve([index, "Auth", "TokenUrl"], auth.TokenUrl, A_TOKEN_URL),
        clientId: text(["ClientId"], auth.ClientId),
        clientSecret: text(["ClientSecret"], auth.ClientSecret),
        scope: auth.Scope === undefined ? undefined : text(["Scope"], auth.Scope),
      };
  }
}

type Secret = { readonly value: string } | { readonly problem: string };

/** Reads what references name. */
class Resolver {
  /** Files that were asked for, whether they were there or not. */
  readonly files = new Set<string>();
  readonly #env: Environment;
  readonly #problem: TellProblem;

  constructor(env: Environment, problem: TellProblem) {
    this.#env = env;
    this.#problem = problem;
  }

  resolve(inside: Inside, text: string, { isRight, otherwise }: Rule): string {
    let isWhole = true;
    const resolved = text.replaceAll(REFERENCE, (reference: string, name: string) => {
      const secret = this.#secret(name);
      if ("value" in secret) return secret.value;
      isWhole = false;
      this.#problem(inside, `${reference}: ${secret.problem}`);
      return "";
    });
    if (isWhole && !isRight(resolved)) this.#problem(inside, otherwise);
    return resolved;
  }

  #secret(name: string): Secret {
    const [, kind, what = ""] = /^(env|file):(.+)$/s.exec(name) ?? [];
    if (kind === "file") return this.#fromFile(what);
    if (kind === undefined) return { problem: "write ${env:NAME} or ${file:PATH}" };
    const value = Object.hasOwn(this.#env, what) ? this.#env[what] : undefined;
    return value ? { value } : { problem: `the environment variable ${what} is not set` };
  }

  #fromFile(path: string): Secret {
    this.files.add(path);
    try {
      const file = statSync(path);
      if (!file.isFile() || file.size > MAX_SECRET_BYTES)
        return { problem: `this is no file of at most ${MAX_SECRET_BYTES} bytes` };
      const value = readFileSync(path, "utf8").replace(/\r?\n$/, "");
      return value === "" ? { problem: "the file is empty" } : { value };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      return { problem: code === "ENOENT" ? "there is no such file" : `the file cannot be read (${code})` };
    }
  }
}
