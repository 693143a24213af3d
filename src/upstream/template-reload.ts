import { stat } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import type { EmitEvent } from "../core/events.ts";
import type { Template } from "../core/upstream-template.ts";

const CHECK_MS = 1_000;

/** Templates, and the files that they and their secrets come from. */
export interface LoadedTemplates {
  readonly templates: readonly Template[];
  readonly files: readonly string[];
}

export interface TemplateReloadOptions {
  /** @throws when they cannot be used; its message is for the log */
  readonly load: () => LoadedTemplates;
  /** Those in use. */
  readonly loaded: LoadedTemplates;
  /** Takes them into use. */
  readonly use: (templates: readonly Template[]) => void;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/**
 * Reads templates again when one of their files has changed and has then rested for a second, so that no file is read
 * half written. Files are looked at, not watched: that works on every file system, with mounted secrets and with editors
 * that replace a file. What cannot be used is told, and the templates stay as they were.
 */
export class TemplateReload implements Disposable {
  readonly #options: TemplateReloadOptions;
  readonly #timer: Disposable;
  #files: readonly string[];
  #inUse: string;
  /** The files' state at the last look, and when they were last read: never yet, so that nothing is missed between load and start. */
  #seen = "";
  #read = "";
  #isLooking = false;

  constructor(options: TemplateReloadOptions) {
    this.#options = options;
    this.#files = options.loaded.files;
    this.#inUse = JSON.stringify(options.loaded.templates);
    this.#timer = options.clock.every(CHECK_MS, () => void this.look());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** Looks at the files, as happens every second. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const state = JSON.stringify(await Promise.all(this.#files.map(stateOf)));
    this.#isLooking = false;
    const hasRested = state === this.#seen;
    this.#seen = state;
    if (!hasRested || state === this.#read) return;
    this.#read = state;
    this.#reload();
  }

  #reload(): void {
    const { load, use, emit } = this.#options;
    try {
      const { templates, files } = load();
      this.#files = files;
      const loaded = JSON.stringify(templates);
      if (loaded === this.#inUse) return;
      this.#inUse = loaded;
      use(templates);
      emit({ name: "upstream.reloaded", templates: templates.length });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      emit({ name: "upstream.reload_failed", problem: problem.replaceAll(/\s*\n\s*/g, " ") });
    }
  }
}

/** Changes whenever the file is written or replaced. */
async function stateOf(file: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${file} ${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    return `${file} ${error instanceof Error && "code" in error ? String(error.code) : "?"}`;
  }
}
