import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectedCall } from "./call.ts";
import { authHeaders, connectionHeaders, eventHeaders, headerText, signature } from "./request-headers.ts";

const KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

test("the signature is the upper-case SHA-256 HMAC of the connection id", () => {
  // The test value of docs/spec/serverless-upstream.md §3.4.
  assert.equal(
    signature("conn-1", [KEY]),
    "sha256=261F7F58FF9FB9BB8BE7E4951A807FE6091E5C074885BF63B865ECCD28728881",
  );
});

test("every access key signs, joined by a comma without a space", () => {
  const [first, second, ...more] = signature("conn-1", [KEY, "another-key-0123456789"]).split(",");
  assert.equal(first, signature("conn-1", [KEY]));
  assert.equal(second, signature("conn-1", ["another-key-0123456789"]));
  assert.deepEqual(more, []);
});

test("a connection's headers tell its id, hub, user, claims and query", () => {
  const identity = {
    userId: "ann",
    claims: [
      ["role", "a"],
      ["role", "b"],
      ["n", "1"],
    ] as const,
  };
  assert.deepEqual(connectionHeaders({ connectionId: "c", hub: "chat", query: "?a=b", identity }, [KEY]), [
    "X-ASRS-Connection-Id",
    "c",
    "X-ASRS-Hub",
    "chat",
    "X-ASRS-Signature",
    signature("c", [KEY]),
    "X-ASRS-User-Id",
    "ann",
    "X-ASRS-User-Claims",
    "role: a, role: b, n: 1",
    "X-ASRS-Client-Query",
    "?a=b",
  ]);
});

test("headers of what a client does not have are left out", () => {
  const anonymous = {
    connectionId: "c",
    hub: "chat",
    query: "",
    identity: { userId: undefined, claims: [] },
  };
  const names = connectionHeaders(anonymous, [KEY]).filter((_, index) => index % 2 === 0);
  assert.deepEqual(names, ["X-ASRS-Connection-Id", "X-ASRS-Hub", "X-ASRS-Signature"]);
});

test("an event's headers tell its category, its name and its content type", () => {
  assert.deepEqual(eventHeaders(connectedCall("chat")), [
    "X-ASRS-Category",
    "connections",
    "X-ASRS-Event",
    "connected",
    "Content-Type",
    "application/json",
  ]);
});

test("Auth adds its headers, or a bearer token, or nothing", () => {
  const headers = [{ name: "x-key", value: "secret", shownValue: "" }];
  assert.deepEqual(authHeaders({ type: "headers", headers }, undefined), ["x-key", "secret"]);
  assert.deepEqual(authHeaders({ type: "none" }, undefined), []);
  const credentials = { tokenUrl: "http://a", clientId: "", clientSecret: "", scope: undefined };
  assert.deepEqual(authHeaders({ type: "clientCredentials", ...credentials }, "t"), [
    "Authorization",
    "Bearer t",
  ]);
});

test("what is not printable ASCII, and spaces at the ends, are percent-encoded in a header", () => {
  assert.equal(headerText("ann smith"), "ann smith");
  assert.equal(headerText(" é\r\nX-Evil: 1 "), "%20%C3%A9%0D%0AX-Evil: 1%20");
  assert.equal(headerText("100%"), "100%");
  assert.equal(headerText("\ud800"), "%EF%BF%BD");
});

test("whatever the text, a header can carry it, and it can be read back where it has no %", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const header = headerText(text);
      assert.match(header, /^([!-~]([ -~]*[!-~])?)?$/);
      if (!text.includes("%")) assert.equal(decodeURIComponent(header), text.toWellFormed());
    }),
    { numRuns: 500 },
  );
});
