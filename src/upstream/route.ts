import type { Template } from "../core/upstream-template.ts";

/** What a webhook is told about, docs/spec/serverless-upstream.md §3.2. */
export interface UpstreamEvent {
  /** Full hub name. */
  readonly hub: string;
  readonly category: "connections" | "messages";
  /** `connected`, `disconnected`, or the target of an invocation. */
  readonly event: string;
}

const PLACEHOLDER = /\{(hub|category|event)\}/gi;
/** A segment that servers take for "this folder" or "the folder above", RFC 3986 §5.2.4, however it is escaped. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?=\/|$)/i;
const TOLD_ROUTES = 8;

/** A template's patterns and its URL. */
export class Route {
  /** Its place in the configuration, from 0. */
  readonly index: number;
  readonly template: Template;
  readonly #hubs: Pattern;
  readonly #categories: Pattern;
  readonly #events: Pattern;
  /** The URL, where it is the same for every event. */
  readonly #url: URL | undefined;

  constructor(template: Template, index: number) {
    this.index = index;
    this.template = template;
    this.#hubs = new Pattern(template.hubs?.toLowerCase());
    this.#categories = new Pattern(template.categories);
    this.#events = new Pattern(template.events);
    this.#url = template.url.search(PLACEHOLDER) < 0 ? new URL(template.url) : undefined;
  }

  /** Hubs are compared without regard to letter case, categories and events exactly. */
  matches({ hub, category, event }: UpstreamEvent): boolean {
    return this.#events.has(event) && this.#categories.has(category) && this.#hubs.has(hub.toLowerCase());
  }

  /** Where the event is sent; `undefined` when its names make no URL, or one that leads out of the template's path. */
  urlOf(event: UpstreamEvent): URL | undefined {
    return this.#url ?? filledUrl(this.template.url, event);
  }

  /** The URL as it was configured, up to where secrets may begin: for logs. */
  get shownUrl(): string {
    return this.template.shownUrl.replace(/\?.*$/s, "");
  }
}

/** `*`, a name, or names with commas. */
class Pattern {
  readonly #names: ReadonlySet<string>;
  readonly #isAll: boolean;

  constructor(pattern: string | null | undefined) {
    const names = (pattern ?? "").split(",").map((name) => name.trim());
    this.#names = new Set(names.filter((name) => name !== ""));
    this.#isAll = this.#names.has("*");
  }

  has(name: string): boolean {
    return this.#isAll || this.#names.has(name);
  }
}

function filledUrl(template: string, event: UpstreamEvent): URL | undefined {
  const text = filled(template, event);
  const [path = ""] = text.replace(/^[a-z]+:\/\//i, "").split(/[?#]/);
  return DOT_SEGMENT.test(path) ? undefined : (URL.parse(text) ?? undefined);
}

/** A template's URL with the event's names in the place of its placeholders. */
export function filled(template: string, event: UpstreamEvent): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) =>
    escaped(event[name.toLowerCase() as keyof UpstreamEvent]),
  );
}

/** Escapes as RFC 3986 §2.1 has it: everything but its unreserved characters. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The patterns of all routes, for people who wonder why none matched. */
export function toldPatterns(routes: readonly Route[]): string {
  if (routes.length === 0) return "none is configured";
  const told = routes
    .slice(0, TOLD_ROUTES)
    .map(
      ({ index, template: { hubs, categories, events } }) =>
        `[${index}] hub '${hubs ?? ""}', category '${categories ?? ""}', event '${events ?? ""}'`,
    );
  const more = routes.length - told.length;
  return `${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
