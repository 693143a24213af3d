import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_FILTER_DEPTH, MAX_FILTER_LENGTH, MAX_FILTER_PARTS, parseFilter } from "./parse.ts";

/** Filters that are none, with what is said of them; `^` marks the position, each before a character or the end. */
const INVALID: readonly [marked: string, problem: string][] = [
  // what is missing
  ["^", "expected a value, but the filter ends"],
  [" \t\r\n^", "expected a value, but the filter ends"],
  ["userId eq^", "expected a value, but the filter ends"],
  ["userId eq 'a' and^", "expected a value, but the filter ends"],
  ["not^", "expected a value, but the filter ends"],
  ["(userId eq 'a'^", "expected 'and', 'or' or ')', but the filter ends"],
  ["(userId^", "expected an operator or ')', but the filter ends"],
  ["contains(userId^", "expected an operator, ',' or ')', but the filter ends"],
  ["userId in^", "expected 'groups' or a list in parentheses, but the filter ends"],
  ["userId in ('a'^", "expected an operator, ',' or ')', but the filter ends"],
  ["userId eq ^'a", "the string that begins here has no closing quote; a quote within is ''"],
  ["userId eq ^'", "the string that begins here has no closing quote; a quote within is ''"],
  ["userId eq ^'a''", "the string that begins here has no closing quote; a quote within is ''"],
  // what cannot stand there
  ["^)", "expected a value, but found ')'"],
  ["(^)", "expected a value, but found ')'"],
  ["userId eq ^eq 'a'", "expected a value, but found 'eq'"],
  ["^And true", "expected a value, but found 'And'"],
  ["userId eq 'a' ^'b'", "expected 'and', 'or' or the end of the filter, but found the string 'b'"],
  ["userId ^userId", "expected an operator or the end of the filter, but found 'userId'"],
  ["true^)", "expected 'and', 'or' or the end of the filter, but found ')'"],
  ["1 eq 1 ^eq true", "expected 'and', 'or' or the end of the filter, but found 'eq'"],
  ["'a' in groups ^in (true)", "expected 'and', 'or' or the end of the filter, but found 'in'"],
  ["5 ^-3", "expected an operator or the end of the filter, but found '-3'"],
  ["userId in ^'a'", "expected 'groups' or a list in parentheses, but found the string 'a'"],
  ["'a' in ^userId", "expected 'groups' or a list in parentheses, but found 'userId'"],
  ["userId in (^)", "expected a value, but found ')'"],
  ["userId in ('a',^)", "expected a value, but found ')'"],
  ["length(^)", "expected a value, but found ')'"],
  ["length ^userId", "expected '(', but found 'userId'"],
  // names
  ["^user in ('user1', 'user2')", "there is no property 'user', only userId, connectionId, groups"],
  [
    "^matches(userId, 'a')",
    "there is no function 'matches', only tolower, toupper, trim, concat, substring, indexof, length, startswith, endswith, contains",
  ],
  ["^constructor eq 1", "there is no property 'constructor', only userId, connectionId, groups"],
  ["^__proto__ eq 1", "there is no property '__proto__', only userId, connectionId, groups"],
  [
    `^${"x".repeat(100)} eq 1`,
    `there is no property '${"x".repeat(40)}…', only userId, connectionId, groups`,
  ],
  // characters and numbers
  ["userId ^= 'a'", "the character '=' can stand only in a string; write 'eq'"],
  ["userId ^== 'a'", "the character '=' can stand only in a string; write 'eq'"],
  ["^!true", "the character '!' can stand only in a string; write 'ne' or 'not'"],
  ["true ^&& true", "the character '&' can stand only in a string; write 'and'"],
  ['userId eq ^"a"', "the character '\"' can stand only in a string; write strings in single quotes"],
  ["userId eq ^#", "the character '#' (U+0023) can stand only in a string"],
  ["true^\u00a0and true", "the character '\u00a0' (U+00A0) can stand only in a string"],
  ["true and ^\u0000", "the character ' ' (U+0000) can stand only in a string"],
  ["^\u{1f600}", "the character '\u{1f600}' (U+1F600) can stand only in a string"],
  ["^\ud800", "the character '\ufffd' (U+D800) can stand only in a string"],
  ["length(userId) gt ^1.5", "expected a whole number, but found '1.5'"],
  ["length(userId) gt ^1e5", "expected a whole number, but found '1e5'"],
  ["length(userId) gt ^-1x", "expected a whole number, but found '-1x'"],
  ["length(userId) gt ^- 1", "the character '-' (U+002D) can stand only in a string"],
  ["length(userId) gt ^9007199254740992", "the number 9007199254740992 is beyond ±9007199254740991"],
  ["length(userId) gt ^-9007199254740992", "the number -9007199254740992 is beyond ±9007199254740991"],
  // types
  ["^userId", "the filter must be a boolean, not the string userId"],
  ["^null", "the filter must be a boolean, not null"],
  ["^(5)", "the filter must be a boolean, not the number (5)"],
  ["^groups", "the filter must be a boolean, not the collection groups"],
  ["^length(groups)", "the filter must be a boolean, not the number length(groups)"],
  ["length(groups) gt ^'a'", "'gt' must compare the number length(groups) with a number, not the string 'a'"],
  ["userId eq ^5", "'eq' must compare the string userId with a string, not the number 5"],
  ["true eq ^(userId)", "'eq' must compare the boolean true with a boolean, not the string (userId)"],
  [
    "userId eq ^GROUPS",
    "'eq' cannot compare the collection groups; there are 'name' in groups and length(groups)",
  ],
  [
    "^groups eq null",
    "'eq' cannot compare the collection groups; there are 'name' in groups and length(groups)",
  ],
  [
    "^groups in ('a')",
    "'in' cannot compare the collection groups; there are 'name' in groups and length(groups)",
  ],
  [
    "'a' in ('b', ^groups)",
    "'in' cannot compare the collection groups; there are 'name' in groups and length(groups)",
  ],
  ["userId in ('a', ^5)", "'in' must compare the string userId with a string, not the number 5"],
  ["^5 in groups", "'in groups' takes a string, not the number 5"],
  ["^groups in groups", "'in groups' takes a string, not the collection groups"],
  ["^userId and true", "'and' takes booleans, not the string userId"],
  ["true or ^null", "'or' takes booleans, not null"],
  ["true and ^5 or true", "'and' takes booleans, not the number 5"],
  ["not ^userId", "'not' takes a boolean, not the string userId"],
  [
    "not ^length(userId) gt 5",
    "'not' takes a boolean, not the number length(userId); 'not' binds tighter than 'gt': put the comparison in parentheses",
  ],
  ["^contains(userId)", "'contains' takes 2 arguments, not 1"],
  ["^substring(userId) eq 'a'", "'substring' takes 2 or 3 arguments, not 1"],
  ["^Length(userId, userId) eq 1", "'length' takes 1 argument, not 2"],
  ["length(^5) eq 1", "argument 1 of 'length' must be a string or a collection, not the number 5"],
  ["contains(userId, ^5)", "argument 2 of 'contains' must be a string, not the number 5"],
  ["contains(^groups, 'a')", "argument 1 of 'contains' must be a string, not the collection groups"],
  ["substring(userId, ^'1') eq 'a'", "argument 2 of 'substring' must be a number, not the string '1'"],
  ["substring(userId, 0, ^-1) eq 'a'", "the length that 'substring' takes cannot be negative"],
];

function refusal(text: string, position: number, problem: string): void {
  assert.throws(() => parseFilter(text), {
    name: "FilterError",
    position,
    message: `Invalid syntax for 'filter' at position ${position}: ${problem}.`,
  });
}

describe("the parser of filters", () => {
  for (const [marked, problem] of INVALID)
    test(`refuses ${JSON.stringify(marked)}: ${problem}`, () => {
      refusal(marked.replace("^", ""), marked.indexOf("^"), problem);
    });

  test("shows what it found short and on one line", () => {
    refusal(
      `true '${"\n".repeat(100)}'`,
      5,
      `expected 'and', 'or' or the end of the filter, but found the string '${" ".repeat(39)}…`,
    );
  });

  test("knows the types of expressions", () => {
    for (const [filter, left] of [
      ["tolower(userId) eq null", "string"],
      ["indexof(userId, 'a') eq null", "number"],
      ["contains(userId, 'a') eq null", "boolean"],
      ["null eq null", "null"],
    ]) {
      const expression = parseFilter(filter ?? "");
      assert.ok(expression.kind === "comparison");
      assert.equal(expression.type, "boolean");
      assert.equal(expression.left.type, left);
    }
  });
});

describe("the limits of filters", () => {
  const nestings: readonly [name: string, open: string, inner: string, close: string][] = [
    ["parentheses", "(", "true", ")"],
    ["not", "not ", "true", ""],
    ["functions", "tolower(", "userId", ")"],
    ["lists", "true in (", "true", ")"],
  ];
  for (const [name, open, inner, close] of nestings)
    test(`${name} may be nested ${MAX_FILTER_DEPTH} levels deep`, () => {
      const end = name === "functions" ? " eq 'a'" : "";
      const nested = (levels: number) => open.repeat(levels) + inner + close.repeat(levels) + end;
      assert.equal(parseFilter(nested(MAX_FILTER_DEPTH)).type, "boolean");
      const position = (MAX_FILTER_DEPTH + 1) * open.length;
      refusal(nested(MAX_FILTER_DEPTH + 1), position, "the filter is nested deeper than 64 levels");
      refusal(open.repeat(900).slice(0, 8000), position, "the filter is nested deeper than 64 levels");
    });

  test(`a filter may have ${MAX_FILTER_PARTS} parts`, () => {
    // n literals and one operator
    const ofParts = (parts: number) => Array.from({ length: parts - 1 }, () => "true").join(" or ");
    assert.equal(parseFilter(ofParts(MAX_FILTER_PARTS)).type, "boolean");
    const tooMany = ofParts(MAX_FILTER_PARTS + 1);
    refusal(tooMany, tooMany.length, "the filter has more than 1000 values, names and operators");
  });

  test("250 clauses with two operands are within the limit of parts", () => {
    const clauses = Array.from({ length: 250 }, (_, index) => `userId eq 'user-${index}'`);
    assert.equal(parseFilter(clauses.join(" or ")).type, "boolean");
  });

  test(`a filter may be ${MAX_FILTER_LENGTH} characters long`, () => {
    const ofLength = (length: number) => `userId eq '${"é".repeat(length - 12)}'`;
    assert.equal(parseFilter(ofLength(MAX_FILTER_LENGTH)).type, "boolean");
    refusal(ofLength(MAX_FILTER_LENGTH + 1), MAX_FILTER_LENGTH, "the filter is longer than 8192 characters");
  });
});
