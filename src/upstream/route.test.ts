import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Template } from "../core/upstream-template.ts";
import { Route, toldPatterns, type UpstreamEvent } from "./route.ts";

const EVENT: UpstreamEvent = { hub: "chat", category: "messages", event: "SendMessage" };

function route(template: Partial<Template> = {}, index = 0): Route {
  const url = template.url ?? "http://localhost:7071/hook?code=secret";
  const shownUrl = template.shownUrl ?? url;
  return new Route(
    { hubs: "*", categories: "*", events: "*", auth: { type: "none" }, ...template, url, shownUrl },
    index,
  );
}

describe("patterns", () => {
  for (const [what, template, matches] of [
    ["* is everything", {}, true],
    ["a name is that name", { hubs: "chat", categories: "messages", events: "SendMessage" }, true],
    ["a list is any of its names, each trimmed", { events: " other , SendMessage " }, true],
    ["a * in a list is everything", { events: "other,*" }, true],
    ["hubs are compared in any letter case", { hubs: "Other,CHAT" }, true],
    ["events are compared exactly", { events: "sendmessage" }, false],
    ["categories are compared exactly", { categories: "Messages" }, false],
    ["null is nothing", { hubs: null }, false],
    ["an empty pattern is nothing", { events: "" }, false],
    ["all three must match", { hubs: "chat", events: "other" }, false],
    ["a part of a name is not the name", { events: "Send*" }, false],
  ] as const)
    test(what, () => assert.equal(route(template).matches(EVENT), matches));

  test("an empty event, as of no client, is not matched by a list", () => {
    assert.equal(route({ events: "a,,b" }).matches({ ...EVENT, event: "" }), false);
  });
});

describe("the URL", () => {
  test("without placeholders is as it is configured", () => {
    assert.equal(route().urlOf(EVENT)?.href, "http://localhost:7071/hook?code=secret");
  });

  test("has the names in the place of its placeholders, anywhere and in any letter case", () => {
    const url = "https://{hub}.example/{Category}/{event}?e={event}&code=a%2Fb";
    assert.equal(
      route({ url }).urlOf(EVENT)?.href,
      "https://chat.example/messages/SendMessage?e=SendMessage&code=a%2Fb",
    );
  });

  test("has names percent-encoded, with everything but RFC 3986's unreserved characters", () => {
    const url = route({ url: "http://a/{event}?e={event}" }).urlOf({
      ...EVENT,
      event: "a/b?c#d&é !'()*~._-",
    });
    const escaped = "a%2Fb%3Fc%23d%26%C3%A9%20%21%27%28%29%2A~._-";
    assert.equal(url?.pathname, `/${escaped}`);
    assert.equal(url?.search, `?e=${escaped}`);
  });

  for (const event of [".", ".."])
    test(`is not made of the event '${event}', which would lead to another path`, () => {
      assert.equal(route({ url: "http://a/api/{event}/hook" }).urlOf({ ...EVENT, event }), undefined);
      assert.equal(route({ url: "http://a/api/{event}" }).urlOf({ ...EVENT, event }), undefined);
      assert.equal(
        route({ url: "http://a/api?e={event}" }).urlOf({ ...EVENT, event })?.search,
        `?e=${event}`,
      );
    });

  test("whatever the names, leads to the template's host and path, or is not made", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (event) => {
        const url = route({ url: "http://a.example/api/{event}/hook?e={event}" }).urlOf({ ...EVENT, event });
        if (url === undefined) return;
        assert.equal(url.host, "a.example");
        assert.match(url.pathname, /^\/api\/[^/]*\/hook$/);
        assert.equal(decodeURIComponent(url.pathname.slice(5, -5)), event.toWellFormed());
      }),
      { numRuns: 500 },
    );
  });

  test("is shown without its query, as it is configured", () => {
    const shownUrl = "http://a/{event}/${env:X}?code=secret";
    assert.equal(
      route({ url: "http://a/{event}/y?code=secret", shownUrl }).shownUrl,
      "http://a/{event}/${env:X}",
    );
  });
});

test("patterns are told for people, of many templates the first", () => {
  assert.equal(toldPatterns([]), "none is configured");
  assert.equal(
    toldPatterns([route({ hubs: "a,b" }), route({ events: null }, 1)]),
    "[0] hub 'a,b', category '*', event '*'; [1] hub '*', category '*', event ''",
  );
  assert.match(toldPatterns(Array.from({ length: 50 }, () => route())), /; and 42 more$/);
});
