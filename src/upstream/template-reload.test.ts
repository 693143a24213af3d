import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import type { HubwireEvent } from "../core/events.ts";
import type { Template } from "../core/upstream-template.ts";
import { type LoadedTemplates, TemplateReload } from "./template-reload.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hubwire-reload-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

/** A file whose content is the URL of one template; `bad` cannot be used, and `secret:FILE` has its URL in another. */
class Watched implements Disposable {
  readonly clock = new ManualClock();
  readonly file = path.join(folder, `${files++}.json`);
  readonly events: HubwireEvent[] = [];
  readonly used: (string | undefined)[] = [];
  loads = 0;
  readonly reload: TemplateReload;

  constructor(url: string) {
    writeFileSync(this.file, url);
    this.reload = new TemplateReload({
      load: () => {
        this.loads++;
        return this.#load();
      },
      loaded: this.#load(),
      use: (templates) => void this.used.push(templates[0]?.url),
      clock: this.clock,
      emit: (event) => void this.events.push(event),
    });
  }

  #load(): LoadedTemplates {
    const text = readFileSync(this.file, "utf8");
    if (text === "bad") throw new Error("the configuration has a problem:\n  port: x");
    const secret = text.startsWith("secret:") ? text.slice(7) : undefined;
    const url = secret === undefined ? text : readFileSync(secret, "utf8");
    const template: Template = {
      url,
      shownUrl: url,
      hubs: "*",
      categories: "*",
      events: "*",
      auth: { type: "none" },
    };
    return { templates: [template], files: secret === undefined ? [this.file] : [this.file, secret] };
  }

  /** Lets so many looks at the files happen. */
  async looks(count: number): Promise<void> {
    for (let look = 0; look < count; look++) {
      await this.reload.look();
    }
  }

  [Symbol.dispose](): void {
    this.reload[Symbol.dispose]();
  }
}

test("files are looked at every second, until it is disposed", () => {
  const watched = new Watched("http://a");
  assert.equal(watched.clock.timers, 1);
  watched[Symbol.dispose]();
  assert.equal(watched.clock.timers, 0);
});

test("a file that does not change is read once and nothing is told", async () => {
  using watched = new Watched("http://a");
  await watched.looks(5);
  assert.deepEqual([watched.loads, watched.used, watched.events], [1, [], []]);
});

test("a change is taken into use once the file has rested, and told", async () => {
  using watched = new Watched("http://a");
  await watched.looks(3);
  writeFileSync(watched.file, "http://b");
  await watched.looks(1);
  assert.deepEqual(watched.used, []);
  await watched.looks(1);
  assert.deepEqual(watched.used, ["http://b"]);
  assert.deepEqual(watched.events, [{ name: "upstream.reloaded", templates: 1 }]);
});

test("a file that is replaced counts as changed", async () => {
  using watched = new Watched("http://a");
  await watched.looks(3);
  writeFileSync(`${watched.file}.new`, "http://c");
  renameSync(`${watched.file}.new`, watched.file);
  await watched.looks(2);
  assert.deepEqual(watched.used, ["http://c"]);
});

test("what was changed between load and start is not missed", async () => {
  using watched = new Watched("http://a");
  writeFileSync(watched.file, "http://b");
  await watched.looks(2);
  assert.deepEqual(watched.used, ["http://b"]);
});

test("a file that cannot be used, or is gone, is told once, and the templates stay", async () => {
  using watched = new Watched("http://a");
  writeFileSync(watched.file, "bad");
  await watched.looks(4);
  assert.deepEqual(watched.events, [
    { name: "upstream.reload_failed", problem: "the configuration has a problem: port: x" },
  ]);
  rmSync(watched.file);
  await watched.looks(4);
  assert.equal(watched.events.length, 2);
  assert.deepEqual(watched.used, []);
  writeFileSync(watched.file, "http://b");
  await watched.looks(2);
  assert.deepEqual(watched.used, ["http://b"]);
});

test("files of secrets are looked at too, from when they are referred to", async () => {
  const secret = path.join(folder, "secret");
  writeFileSync(secret, "http://s1");
  using watched = new Watched("http://a");
  writeFileSync(watched.file, `secret:${secret}`);
  await watched.looks(5);
  writeFileSync(secret, "http://s2");
  await watched.looks(2);
  assert.deepEqual(watched.used, ["http://s1", "http://s2"]);
});
