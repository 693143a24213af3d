import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Example } from "../support/example.ts";
import { signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const ACCESS_KEY = "test-key-0123456789-0123456789";

describe("the webhook by hand", () => {
  test("is in the README as it is", () => {
    const example = readFileSync(new URL("../../examples/upstream.ts", import.meta.url), "utf8");
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const code = example.slice(example.indexOf("\n") + 1);
    assert.ok(readme.includes(`\`\`\`ts\n${code}\`\`\`\n`));
  });

  for (const way of waysToConnect)
    test(`serves ${way.protocol} clients over ${way.transport}`, async () => {
      await using example = await Example.start("upstream");
      await using hubwire = await TestHubwire.start({
        upstream: { templates: [{ UrlTemplate: example.url }] },
      });
      const client = signalrClient(hubwire, way);
      await client.start();
      assert.equal(await client.invoke("Add", 2, 3), 5);
      await assert.rejects(client.invoke("Subtract", 2, 3), /There is no such method/);
      await client.send("Add", 2, 3);
      const { connectionId } = client;
      await client.stop();
      await example.printed(`connected ${connectionId}`);
      await example.printed(`disconnected ${connectionId}`);
      assert.deepEqual(
        hubwire.events.filter(({ name }) => name === "upstream.failed"),
        [],
      );
    });
});

describe("the webhook that verifies like Azure Functions", () => {
  for (const way of waysToConnect)
    test(`serves ${way.protocol} clients over ${way.transport}`, async () => {
      await using example = await Example.start("upstream-verified", { ACCESS_KEY });
      const UrlTemplate = `${example.url}/runtime/webhooks/signalr`;
      await using hubwire = await TestHubwire.start({ upstream: { templates: [{ UrlTemplate }] } });
      const client = signalrClient(hubwire, { ...way, userId: "ann" });
      await client.start();
      assert.equal(await client.invoke("Add", 2, 3), 5);
      const value = { text: "ünïcödé 😀", list: [1, -2.5, null, true], bytes: "AAE=" };
      assert.deepEqual(await client.invoke("Echo", value), value);
      assert.equal((await client.invoke("Nothing")) ?? undefined, undefined);
      await assert.rejects(client.invoke("Missing"), /Invocation failed, status code 404/);
      await client.send("Nothing");
      await client.stop();
      await example.printed("chat connections connected ann");
      await example.printed("chat connections disconnected ann");
      assert.equal(hubwire.events.filter(({ name }) => name === "upstream.failed").length, 1);
    });

  test("takes a second access key's signature, and no other's", async () => {
    await using example = await Example.start("upstream-verified", { ACCESS_KEY: "another-key-0123456789" });
    const templates = [{ UrlTemplate: example.url }];
    const accessKeys = [ACCESS_KEY, "another-key-0123456789"];
    await using both = await TestHubwire.start({ accessKeys, upstream: { templates } });
    await using one = await TestHubwire.start({ upstream: { templates } });
    const good = signalrClient(both);
    const bad = signalrClient(one);
    await Promise.all([good.start(), bad.start()]);
    assert.equal(await good.invoke("Add", 1, 1), 2);
    await assert.rejects(bad.invoke("Add", 1, 1), /Invocation failed, status code 401/);
    await Promise.all([good.stop(), bad.stop()]);
    const [failed] = one.events.filter((event) => event.name === "upstream.failed");
    assert.match(failed?.reason ?? "", /it answered 401; it does not accept the signature/);
  });
});
