import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { JsonSyntaxError, MAX_DEPTH, skipValue, skipWhitespace } from "./json-scan.ts";

/** Checks a whole text the way its users do. */
function scan(json: Buffer, start: number, end: number): void {
  const value = skipWhitespace(json, start, end);
  const after = skipWhitespace(json, skipValue(json, value, end), end);
  if (after !== end) throw new JsonSyntaxError("more follows", after);
}

function isAccepted(json: Buffer, start: number, end: number): boolean {
  try {
    scan(json, start, end);
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError, String(error));
    assert.ok(error.position >= start && error.position <= end);
    return false;
  }
}

function isAcceptedByJsonParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const VALID = [
  [
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "0.5",
    "-0.0",
    "1e5",
    "1E+5",
    "1e-05",
    "123456789012345678901234567890",
    "1e400",
  ],
  ['""', '"a"', '"é😀"', String.raw`"\"\\\/\b\f\n\r\t\u0000\uABCD\uabcd\ud800"`, `"${"x".repeat(23)}"`],
  ["\u007f", "\u2028"].map((character) => `"${character}"`),
  ["true", "false", "null", "[]", "{}", "[ ]", "{ }", "[[],{},[{}]]"],
  [" \t\r\n[ 1 , 2 ]\n", '{"a":1,"a":2,"":{"__proto__":[]}}', ' { "a" : [ { } ] } '],
].flat();

const INVALID = [
  [
    "",
    " ",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x1",
    "1.e5",
    "--1",
    "Infinity",
    "NaN",
    "1_000",
  ],
  [
    '"',
    '"a',
    "'a'",
    '"\t"',
    '"\u001e"',
    '"\n"',
    String.raw`"\x"`,
    String.raw`"\u12"`,
    String.raw`"\u123g"`,
    '"\\',
  ],
  [`"${"x".repeat(40)}\u0000"`, `"${"x".repeat(40)}`, `"${"x".repeat(40)}\\`, `"${"x".repeat(40)}\\q"`],
  ["tru", "truE", "True", "nul", "nulll", "falsy", "undefined"],
  ["[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "[[]", "[]]", "[1],"],
  [
    "{",
    "}",
    '{"a"',
    '{"a":',
    '{"a":}',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    "{a:1}",
    '{"a" 1}',
    "{1:1}",
    '{"a":1]',
  ],
  ['{"a":1 "b":2}', "[1]x", "// a\n1", "1 /* a */", "\u00a01", "\ufeff1", "{},{}"],
].flat();

describe("the scanner of JSON", () => {
  for (const text of VALID) {
    test(`accepts ${JSON.stringify(text)}`, () => {
      const json = Buffer.from(text);
      assert.equal(isAccepted(json, 0, json.length), true);
      assert.equal(isAcceptedByJsonParse(text), true);
    });
  }

  for (const text of INVALID) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const json = Buffer.from(text);
      assert.equal(isAccepted(json, 0, json.length), false);
      assert.equal(isAcceptedByJsonParse(text), false);
    });
  }

  test("finds where a value ends", () => {
    const json = Buffer.from('[{"a":[1,"]"]} , 2]');
    assert.equal(skipValue(json, 1, json.length), json.indexOf(" ,"));
  });

  test("tells which byte cannot be there", () => {
    const positions: [text: string, position: number, message: RegExp][] = [
      ['{"a":é}', 5, /unexpected byte 0xc3 at byte 5/],
      ["[1,", 3, /ends too early at byte 3/],
      ['"abc', 4, /ends too early at byte 4/],
      [`"${"x".repeat(100)}\n`, 101, /unexpected byte 0x0a at byte 101/],
      [String.raw`"\u00zz"`, 5, /unexpected byte 0x7a at byte 5/],
    ];
    for (const [text, position, message] of positions) {
      const json = Buffer.from(text);
      assert.throws(() => scan(json, 0, json.length), { name: "JsonSyntaxError", position, message });
    }
  });

  test("follows no more levels than it has room for", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const nested = (levels: number) => Buffer.from(`${open.repeat(levels)}1${close.repeat(levels)}`);
      const deepest = nested(MAX_DEPTH);
      assert.equal(isAccepted(deepest, 0, deepest.length), true);
      const tooDeep = nested(MAX_DEPTH + 1);
      assert.throws(() => skipValue(tooDeep, 0, tooDeep.length), {
        message: /nested deeper than 256 levels/,
        position: MAX_DEPTH * open.length,
      });
      const endless = Buffer.from(open.repeat(100_000));
      assert.equal(isAccepted(endless, 0, endless.length), false);
    }
  });
});

describe("the scanner of JSON, on random texts", () => {
  const text = fc.oneof(
    fc.json(),
    fc.json({ maxDepth: 8, noUnicodeString: false }),
    fc.constantFrom(...VALID, ...INVALID),
  );
  const token = fc.constantFrom(..."{}[]:,\"\\ \n\t0123456789-+.eEtrufalsn/bx'\u001e\u0000".split(""));
  const edit = fc.record({ at: fc.nat(200), remove: fc.nat(3), insert: fc.array(token, { maxLength: 3 }) });

  test("accepts exactly what JSON.parse accepts", () => {
    fc.assert(
      fc.property(text, fc.array(edit, { maxLength: 3 }), (original, edits) => {
        let mutated = original;
        for (const { at, remove, insert } of edits) {
          const position = at % (mutated.length + 1);
          mutated = mutated.slice(0, position) + insert.join("") + mutated.slice(position + remove);
        }
        mutated = mutated.toWellFormed();
        const json = Buffer.from(mutated);
        assert.equal(
          isAccepted(json, 0, json.length),
          isAcceptedByJsonParse(mutated),
          JSON.stringify(mutated),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("accepts exactly what JSON.parse accepts, of tokens in any order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("[", "]", "{", "}", ":", ",", '"a"', "1", "null", " "), { maxLength: 9 }),
        (tokens) => {
          const json = Buffer.from(tokens.join(""));
          assert.equal(isAccepted(json, 0, json.length), isAcceptedByJsonParse(tokens.join("")));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("sees nothing outside its extent", () => {
    fc.assert(
      fc.property(
        text,
        fc.nat(300),
        fc.constantFrom(...'"]}1e.\\ ,:[{tn'.split("")),
        (whole, cut, behind) => {
          const json = Buffer.from(whole).subarray(0, cut);
          const among = Buffer.concat([Buffer.from(behind.repeat(9)), json, Buffer.from(behind.repeat(9))]);
          assert.equal(isAccepted(among, 9, 9 + json.length), isAccepted(json, 0, json.length));
        },
      ),
      { numRuns: 500 },
    );
  });
});
