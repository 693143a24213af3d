import assert from "node:assert/strict";
import { test } from "node:test";
import { bearerToken } from "./bearer-token.ts";

const cases: readonly {
  rule: string;
  header?: string;
  query?: readonly string[];
  token: string | undefined;
}[] = [
  { rule: "no header and no query give none", token: undefined },
  { rule: "the header's token is taken", header: "Bearer abc", token: "abc" },
  { rule: "the scheme has any letter case", header: "bEARER abc ", token: "abc" },
  { rule: "the header goes before the query", header: "Bearer abc", query: ["q"], token: "abc" },
  { rule: "the last access_token of the query counts", query: ["a", "b"], token: "b" },
  { rule: "another scheme is no token", header: "Basic abc", token: undefined },
  { rule: "another scheme leaves the query's token", header: "Basic abc", query: ["q"], token: "q" },
  { rule: "an empty header leaves the query's token", header: "Bearer ", query: ["q"], token: "q" },
  { rule: "an empty access_token is none", query: ["a", ""], token: undefined },
  { rule: "a scheme without a space is none", header: "Bearerabc", token: undefined },
];
for (const { rule, header, query, token } of cases)
  test(`bearerToken: ${rule}`, () => {
    assert.equal(bearerToken(header, query ?? []), token);
  });
