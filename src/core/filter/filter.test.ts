import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { FilterSubject } from "./expression.ts";
import { compileFilter } from "./filter.ts";
import { functions } from "./functions.ts";
import { MAX_FILTER_DEPTH, MAX_FILTER_LENGTH, MAX_FILTER_PARTS } from "./parse.ts";

const SUBJECTS: Readonly<Record<string, FilterSubject>> = {
  alice: { userId: "alice", connectionId: "c1", groups: new Set(["news", "staff"]) },
  ALICE: { userId: "ALICE", connectionId: "c2", groups: new Set(["staff"]) },
  bob: { userId: " bob's ", connectionId: "c3", groups: undefined },
  anonymous: { userId: undefined, connectionId: "c4", groups: new Set(["news"]) },
};
const ALL = "alice ALICE bob anonymous";

/** Filters with those whom they match. */
const VALID: Readonly<Record<string, readonly (readonly [filter: string, matched: string])[]>> = {
  "literals, and blanks of any kind": [
    ["true", ALL],
    ["false", ""],
    [" \t\r\n( ( true ) )\n", ALL],
    ["null eq null", ALL],
    ["1 eq +1", ALL],
    ["-1 lt 0", ALL],
    ["0 eq -0", ALL],
    ["007 eq 7", ALL],
    ["9007199254740991 gt -9007199254740991", ALL],
  ],
  "letter case matters in values only": [
    ["USERID eq 'alice'", "alice"],
    ["userid EQ 'ALICE' OR ConnectionID Eq 'c1'", "alice ALICE"],
    ["NOT (TOLOWER(UserId) Eq 'alice') AND TRUE", "bob anonymous"],
    ["'news' IN Groups AND 'News' in GROUPS eq FALSE", "alice anonymous"],
    ["connectionId eq 'C1'", ""],
  ],
  comparisons: [
    ["userId eq 'alice'", "alice"],
    ["'alice' eq userId", "alice"],
    ["userId ne 'alice'", "ALICE bob anonymous"],
    ["connectionId gt 'c2'", "bob anonymous"],
    ["connectionId ge 'c2'", "ALICE bob anonymous"],
    ["connectionId lt 'c2'", "alice"],
    ["connectionId le 'c2'", "alice ALICE"],
    ["connectionId le connectionId", ALL],
    ["'B' lt 'a'", ALL],
    ["'\uffff' gt '\u{1f600}'", ALL],
    ["length(groups) gt 1", "alice"],
    ["10 gt 9", ALL],
    ["true gt false", ALL],
    ["startswith(userId, 'a') eq true", "alice"],
    ["(userId eq 'alice') eq (connectionId eq 'c1')", ALL],
  ],
  "strings, with a doubled quote for a quote": [
    ["userId eq ' bob''s '", "bob"],
    ["'''' eq concat('''', '')", ALL],
    ["contains(userId, '''s')", "bob"],
    ["'' eq ''", ALL],
    ["'and (or) not' eq 'and (or) not'", ALL],
  ],
  "null is the user of an anonymous client": [
    ["userId eq null", "anonymous"],
    ["userId ne null", "alice ALICE bob"],
    ["null ne userId", "alice ALICE bob"],
    ["userId eq ''", ""],
    ["userId in ('alice', null)", "alice anonymous"],
    ["null in ('a', 'b')", ""],
    ["null in groups", ""],
    ["userId in groups", ""],
  ],
  "null is neither greater nor less than anything": [
    ["userId gt null", ""],
    ["null ge null", ""],
    ["userId lt 'zzz' or userId ge 'zzz'", "alice ALICE bob"],
    ["not (length(userId) gt 100)", ALL],
  ],
  "a function of null is null, and null is not true": [
    ["tolower(null) eq null", ALL],
    ["length(userId) eq null", "anonymous"],
    ["substring('abc', null) eq null", ALL],
    ["substring('abc', 0, null) eq null", ALL],
    ["concat('a', userId) eq null", "anonymous"],
    ["contains(userId, null) eq null", ALL],
    ["startswith(userId, 'a')", "alice"],
    ["not startswith(userId, 'a')", "ALICE bob"],
    ["not startswith(userId, 'a') or userId eq null", "ALICE bob anonymous"],
    ["not (startswith(userId, 'a') and true)", "ALICE bob"],
    ["not (startswith(userId, 'a') and connectionId ne 'c4')", "ALICE bob anonymous"],
    ["not (startswith(userId, 'a') or connectionId ne 'c4')", ""],
    ["startswith(userId, 'a') or connectionId eq 'c4'", "alice anonymous"],
    ["startswith(userId, 'a') ne true", "ALICE bob anonymous"],
  ],
  membership: [
    ["'news' in groups", "alice anonymous"],
    ["'news' in (groups)", "alice anonymous"],
    ["'news' in ((groups))", "alice anonymous"],
    ["tolower('NEWS') in groups", "alice anonymous"],
    ["'news' in groups and 'staff' in groups", "alice"],
    ["userId in ('alice', 'ALICE', 'nobody')", "alice ALICE"],
    ["userId in ('alice')", "alice"],
    ["userId in (tolower(userId))", "alice bob anonymous"],
    ["userId in ('x', tolower(userId), 'y')", "alice bob anonymous"],
    ["length(groups) in (0, 2)", "alice bob"],
    ["true in ('news' in groups, false)", "alice anonymous"],
    ["connectionId in (userId, 'c1')", "alice"],
  ],
  functions: [
    ["tolower(userId) eq 'alice'", "alice ALICE"],
    ["toupper(userId) eq 'ALICE'", "alice ALICE"],
    ["toupper('straße') eq 'STRASSE'", ALL],
    ["trim(userId) eq 'bob''s'", "bob"],
    ["concat(concat(userId, '@'), connectionId) eq 'alice@c1'", "alice"],
    ["startswith(userId, 'al')", "alice"],
    ["startswith(userId, '')", "alice ALICE bob"],
    ["endswith(userId, 'CE')", "ALICE"],
    ["contains(userId, 'ic')", "alice"],
    ["indexof(userId, 'i') eq 2", "alice"],
    ["indexof(userId, 'x') eq -1", "alice ALICE bob"],
    ["length(userId) eq 7", "bob"],
    ["length('\u{1f600}') eq 2", ALL],
    ["length(groups) eq 0", "bob"],
    ["length (groups) ge length(connectionId)", "alice"],
  ],
  "parts of strings": [
    ["substring(userId, 1) eq 'lice'", "alice"],
    ["substring(userId, 1, 2) eq 'li'", "alice"],
    ["substring('abc', 0) eq 'abc'", ALL],
    ["substring('abc', 3) eq ''", ALL],
    ["substring('abc', 4) eq ''", ALL],
    ["substring('abc', 1, 0) eq ''", ALL],
    ["substring('abc', 1, 100) eq 'bc'", ALL],
    ["substring('abc', -2) eq 'bc'", ALL],
    ["substring('abc', -2, 1) eq 'b'", ALL],
    ["substring('abc', -9, 1) eq 'a'", ALL],
    ["substring('abc', 1, indexof('a', 'b')) eq ''", ALL],
    ["substring('abc', 1, 9007199254740991) eq 'bc'", ALL],
    ["substring(connectionId, indexof(connectionId, 'c'), 2) eq 'c1'", "alice"],
  ],
  "precedence: function and in, then not, then comparison, then and, then or": [
    ["true or false and false", ALL],
    ["false and false or true", ALL],
    ["(true or false) and false", ""],
    ["not true or true", ALL],
    ["not (true or true)", ""],
    ["not false and false", ""],
    ["not true eq false", ALL],
    ["not (true eq false)", ALL],
    ["not false eq true", ALL],
    ["not true ne true", ALL],
    ["not (true ne true)", ALL],
    ["not false eq false", ""],
    ["not not true", ALL],
    ["not(true)or(true)", ALL],
    ["false eq not true", ALL],
    ["not 'news' in groups", "ALICE bob"],
    ["'news' in groups eq false", "ALICE bob"],
    ["true eq 'news' in groups", "alice anonymous"],
    ["userId eq 'alice' or userId eq 'ALICE' and connectionId eq 'c1'", "alice"],
    [
      "length(userId) gt 0 and length(userId) lt 6 or length(userId) gt 6 and length(userId) lt 9",
      "alice ALICE bob",
    ],
  ],
};

function matchedBy(filter: string): string {
  const { matches } = compileFilter(filter);
  return Object.keys(SUBJECTS)
    .filter((name) => matches(SUBJECTS[name] as FilterSubject))
    .join(" ");
}

for (const [rule, filters] of Object.entries(VALID))
  describe(`filters: ${rule}`, () => {
    for (const [filter, matched] of filters)
      test(`${JSON.stringify(filter)} matches ${matched || "nobody"}`, () => {
        assert.equal(matchedBy(filter), matched);
      });
  });

describe("the audience of a filter", () => {
  const audiences: readonly [filter: string, audience: object][] = [
    ["userId eq 'a'", { to: "users", userIds: ["a"] }],
    ["'a' eq userId", { to: "users", userIds: ["a"] }],
    ["userId in ('a', 'b')", { to: "users", userIds: ["a", "b"] }],
    ["connectionId eq 'a'", { to: "connections", connectionIds: ["a"] }],
    ["'a' in groups", { to: "groups", groups: ["a"] }],
    ["'a' in groups or 'b' in groups or 'c' in groups", { to: "groups", groups: ["a", "b", "c"] }],
    ["(userId eq 'a' or userId in ('b', 'c'))", { to: "users", userIds: ["a", "b", "c"] }],
    ["userId eq 'a' and not ('g' in groups)", { to: "users", userIds: ["a"] }],
    ["'g' in groups and userId in ('a', 'b')", { to: "users", userIds: ["a", "b"] }],
    [
      "userId eq 'a' and length(groups) gt 1 and connectionId eq 'c'",
      { to: "connections", connectionIds: ["c"] },
    ],
    ["(userId eq 'a' and 'g' in groups) or userId eq 'b'", { to: "users", userIds: ["a", "b"] }],
  ];
  for (const [filter, audience] of audiences)
    test(`${filter}: only those`, () => {
      assert.deepEqual(compileFilter(filter).audience, audience);
    });

  for (const filter of [
    "true",
    "userId ne 'a'",
    "userId eq null",
    "userId in ('a', null)",
    "userId eq connectionId",
    "tolower(userId) eq 'a'",
    "userId in groups",
    "not (userId eq 'a')",
    "(userId eq 'a') eq true",
    "userId eq 'a' or connectionId eq 'a'",
    "userId eq 'a' or true",
  ])
    test(`${filter}: may be anyone`, () => {
      assert.deepEqual(compileFilter(filter).audience, { to: "all" });
    });
});

test("a filter keeps its text", () => {
  assert.equal(compileFilter(" TRUE ").text, " TRUE ");
});

describe("docs/filter.md", () => {
  const page = readFileSync(new URL("../../../docs/filter.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/^```odata\n(.*?)^```$/gms)].flatMap(
    ([, block]) => block?.trim().split("\n") ?? [],
  );
  const errors = [...page.matchAll(/^\| `(.+)` \| (Invalid syntax .+) \|$/gm)];

  test("has examples that are filters", () => {
    assert.ok(examples.length > 10);
    for (const example of examples) compileFilter(example);
  });

  test("has the messages that callers get", () => {
    assert.ok(errors.length > 4);
    for (const [, filter = "", message] of errors) assert.throws(() => compileFilter(filter), { message });
  });

  test("has the limits", () => {
    for (const limit of [
      `${MAX_FILTER_LENGTH} characters`,
      `${MAX_FILTER_DEPTH} levels`,
      `${MAX_FILTER_PARTS},`,
    ])
      assert.ok(page.includes(`| ${limit}`), limit);
  });

  test("names every function", () => {
    for (const name of functions.keys()) assert.ok(page.includes(`\`${name}(`), name);
  });
});
