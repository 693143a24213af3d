import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { jsonString, readString, unescape } from "./json-string.ts";

function read(literal: string): string {
  const among = Buffer.from(`\\"${literal}"\\`);
  return readString(among, 2, among.length - 2);
}

describe("reading a JSON string", () => {
  const texts: [literal: string, text: string][] = [
    ['""', ""],
    ['"echo"', "echo"],
    ['"twelve bytes"', "twelve bytes"],
    ['"thirteen byte"', "thirteen byte"],
    ['"é"', "é"],
    ['"aé😀"', "aé😀"],
    [String.raw`"\"\\\/\b\f\n\r\t"`, '"\\/\b\f\n\r\t'],
    [String.raw`"\u0041\u00e9\u20AC\uD83D\ude00"`, "Aé€😀"],
    [String.raw`"\ud83d"`, "\ufffd"],
    [String.raw`"\ude00x"`, "\ufffdx"],
    [String.raw`"\ud83d\ud83d\ude00"`, "\ufffd😀"],
    [String.raw`"\ud83d\n"`, "\ufffd\n"],
    [String.raw`"\ud83d\u0041"`, "\ufffdA"],
    [String.raw`"\u0000"`, "\0"],
  ];
  for (const [literal, text] of texts) {
    test(`finds ${JSON.stringify(text)} in ${literal}`, () => assert.equal(read(literal), text));
  }

  test("agrees with JSON.parse, but for halves of surrogate pairs", () => {
    const escaped = fc.string({ unit: "binary" }).map(
      (text) =>
        // Every second character as an escape, so that all forms are met.
        `"${Array.from(text, (character, index) =>
          index % 2 === 0
            ? JSON.stringify(character).slice(1, -1)
            : character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
        ).join("")}"`,
    );
    const halves = fc
      .array(fc.constantFrom(String.raw`\ud800`, String.raw`\udfff`, String.raw`\uDBFF`, "a", String.raw`\n`))
      .map((parts) => `"${parts.join("")}"`);
    fc.assert(
      fc.property(fc.oneof(escaped, halves), (literal) => {
        assert.equal(read(literal), String(JSON.parse(literal)).toWellFormed());
      }),
      { numRuns: 500 },
    );
  });

  test("unescaping writes no more bytes than it read", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
        (literal) => {
          const json = Buffer.from(literal);
          const out = Buffer.alloc(json.length);
          const end = unescape(json, { start: 1, end: json.length - 1 }, out, 0);
          assert.ok(end <= json.length - 2);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("writing a JSON string", () => {
  test("leaves what ASP.NET leaves as it is", () => {
    for (const text of ["", "Echo", "<>&'+é`/ß漢"]) assert.equal(jsonString(text), `"${text}"`);
  });

  test("escapes as ASP.NET does", () => {
    assert.equal(jsonString('"\\'), String.raw`"\"\\"`);
    assert.equal(jsonString("\b\t\n\f\r"), String.raw`"\b\t\n\f\r"`);
    assert.equal(jsonString("\0\u001e\u001f\u007f\u0085"), String.raw`"\u0000\u001E\u001F\u007F\u0085"`);
    assert.equal(jsonString("\u2028\u2029😀"), String.raw`"\u2028\u2029\uD83D\uDE00"`);
    assert.equal(jsonString("\ud83d"), String.raw`"\uD83D"`);
  });

  test("is read back by JSON.parse, has no control character and is UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const literal = jsonString(text);
        assert.equal(JSON.parse(literal), text);
        assert.equal(/\p{Cc}/u.test(literal), false);
        assert.equal(literal.isWellFormed(), true);
      }),
      { numRuns: 500 },
    );
  });
});
