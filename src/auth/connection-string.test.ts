import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ConnectionStringError, formatConnectionString, parseConnectionString } from "./connection-string.ts";

const EMULATOR =
  "Endpoint=http://localhost;Port=8888;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";
const LOCAL = { audienceBase: "http://localhost/", clientBase: "http://localhost:8888/" };

describe("parseConnectionString", () => {
  test("reads the emulator's connection string; the audience has no port", () => {
    assert.deepEqual(parseConnectionString(EMULATOR), {
      accessKey: "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH",
      audienceBase: "http://localhost/",
      clientBase: "http://localhost:8888/",
      serverBase: "http://localhost:8888/",
    });
  });

  test("takes a port within Endpoint, keys in any letter case, spaces, empty pairs and unknown keys", () => {
    const parsed = parseConnectionString(
      ";; ENDPOINT = http://localhost:8888/ ;noise; accesskey = k ;version=1.2-beta.3;Tier=free;",
    );
    assert.deepEqual(parsed, { ...LOCAL, serverBase: "http://localhost:8888/", accessKey: "k" });
  });

  test("splits at the first = only, since keys may end in =", () => {
    assert.equal(parseConnectionString("Endpoint=http://h;AccessKey=a=b==").accessKey, "a=b==");
  });

  test("Port replaces the port of Endpoint", () => {
    assert.equal(parseConnectionString("Endpoint=https://h:1;Port=2;AccessKey=k").clientBase, "https://h:2/");
    assert.equal(parseConnectionString("Endpoint=https://h:1;Port=443;AccessKey=k").clientBase, "https://h/");
  });

  test("ClientEndpoint and ServerEndpoint replace Endpoint for their side, never in the audience", () => {
    const parsed = parseConnectionString(
      "Endpoint=http://h;Port=1;AccessKey=k;ClientEndpoint=https://c/base;ServerEndpoint=http://s:3/",
    );
    assert.equal(parsed.clientBase, "https://c/base/");
    assert.equal(parsed.serverBase, "http://s:3/");
    assert.equal(parsed.audienceBase, "http://h/");
  });

  const wrong: readonly (readonly [text: string, message: RegExp])[] = [
    ["", /^Endpoint is missing/],
    ["AccessKey=k;Version=1.0", /^Endpoint is missing/],
    ["Endpoint=localhost;AccessKey=k", /^Endpoint is not a URL: .* http:\/\/localhost:8888$/],
    ["Endpoint=ftp://h;AccessKey=k", /^Endpoint is not a URL/],
    ["Endpoint=http:/h;AccessKey=k", /^Endpoint is not a URL/],
    ["Endpoint=http://;AccessKey=k", /^Endpoint is not a URL/],
    ["Endpoint=http://h;Version=1.0", /^AccessKey is missing/],
    ["Endpoint=http://h;AccessKey=", /^AccessKey is missing/],
    ["Endpoint=http://h;AuthType=azure.msi", /^AuthType asks for Microsoft Entra ID/],
    ["Endpoint=http://h;AccessKey=k;Endpoint=http://i", /^Endpoint is there twice/],
    ["Endpoint=http://h;AccessKey=k;accesskey=l", /^accesskey is there twice/],
    ["Endpoint=http://h;AccessKey=k;Version=2.0", /^Version is not supported/],
    ["Endpoint=http://h;AccessKey=k;Version=1", /^Version is not supported/],
    ["Endpoint=http://h;AccessKey=k;Port=0", /^Port is not a port/],
    ["Endpoint=http://h;AccessKey=k;Port=65536", /^Port is not a port/],
    ["Endpoint=http://h;AccessKey=k;Port=80x", /^Port is not a port/],
    ["Endpoint=http://h;AccessKey=k;ClientEndpoint=h", /^ClientEndpoint is not a URL/],
    ["Endpoint=http://h;AccessKey=k;ServerEndpoint=//h", /^ServerEndpoint is not a URL/],
  ];
  for (const [text, message] of wrong)
    test(`says what is wrong with "${text}"`, () => {
      assert.throws(() => parseConnectionString(text), { name: "ConnectionStringError", message });
    });

  test("no error tells the access key", () => {
    for (const rest of ["Port=x", "Version=2", "Endpoint=x", "AccessKey=other", "ClientEndpoint=x"])
      assert.throws(
        () => parseConnectionString(`Endpoint=http://h;AccessKey=secret;${rest}`),
        (error) => error instanceof ConnectionStringError && !error.message.includes("secret"),
      );
  });

  test("gives a connection string or a ConnectionStringError for any text", () => {
    const key = fc.constantFrom("Endpoint", "AccessKey", "Version", "Port", "ClientEndpoint", "AuthType", "");
    const value = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.constantFrom("http://h", "1.0", "80", "azure", "http://["),
    );
    const pairs = fc.array(
      fc.tuple(key, fc.constantFrom("=", "", " = "), value).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pairs.map((all) => all.join(";")),
        ),
        (text) => {
          try {
            assert.match(parseConnectionString(text).clientBase, /^https?:\/\/.+\/$/);
          } catch (error) {
            assert.ok(error instanceof ConnectionStringError, String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("formatConnectionString", () => {
  test("writes the emulator's connection string", () => {
    const accessKey = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";
    assert.equal(formatConnectionString({ endpoint: "http://localhost", port: 8888, accessKey }), EMULATOR);
  });

  test("is read back as it was written, or refused", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 65_535 }), (accessKey, port) => {
        try {
          const parsed = parseConnectionString(
            formatConnectionString({ endpoint: "https://h", port, accessKey }),
          );
          assert.equal(parsed.accessKey, accessKey);
          assert.equal(parsed.serverBase, new URL(`https://h:${port}/`).href);
        } catch (error) {
          assert.ok(error instanceof ConnectionStringError, String(error));
        }
      }),
      { numRuns: 300 },
    );
    assert.throws(
      () => formatConnectionString({ endpoint: "http://h", port: 1, accessKey: "a;b" }),
      ConnectionStringError,
    );
  });
});
