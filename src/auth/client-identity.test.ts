import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ClientIdentity } from "../core/identity.ts";
import { clientIdentity } from "./client-identity.ts";

const ALL = ["WebSockets", "ServerSentEvents", "LongPolling"];

function identityOf(claimsJson: string): ClientIdentity {
  return clientIdentity({
    ok: true,
    claims: JSON.parse(claimsJson) as Record<string, unknown>,
    encodedClaims: Buffer.from(claimsJson).toString("base64url"),
  });
}

const identityWith = (claims: object): ClientIdentity => identityOf(JSON.stringify(claims));

describe("a client's user id", () => {
  for (const [claims, userId] of [
    [{ "asrs.s.uid": "a", nameid: "b", sub: "c" }, "a"],
    [{ sub: "c", nameid: "b" }, "b"],
    [{ sub: "c" }, "c"],
    [{ name: "x" }, undefined],
    [{ "asrs.s.uid": "", nameid: "" }, undefined],
    [{ "asrs.s.uid": "", sub: "c" }, "c"],
    [{ nameid: ["first", "second"] }, "first"],
    [{ sub: 42 }, "42"],
    [{ sub: null }, undefined],
  ] as const)
    test(`is ${userId} by ${JSON.stringify(claims)}`, () => {
      assert.equal(identityWith(claims).userId, userId);
    });
});

describe("a client's claims", () => {
  test("keep the order of the token, with asrs.s.* and the registered ones", () => {
    const { claims } = identityWith({ z: "1", aud: "x", "asrs.s.uid": "u", a: "2", exp: 5 });
    assert.deepEqual(claims, [
      ["z", "1"],
      ["aud", "x"],
      ["asrs.s.uid", "u"],
      ["a", "2"],
      ["exp", "5"],
    ]);
  });

  test("list an array as one claim per item, an empty one as none", () => {
    const { claims } = identityWith({ role: ["a", 1, true, null, { b: [2] }, [3, "4"]], none: [] });
    assert.deepEqual(
      claims.map(([type, value]) => `${type}=${value}`),
      ["role=a", "role=1", "role=true", "role=", 'role={"b":[2]}', 'role=[3,"4"]'],
    );
  });

  test("keep every digit of numbers, also within objects", () => {
    const json =
      '{"id":12345678901234567890,"price":1.10,"deep":{"n":[0.1000000000000000055511151231257827,1e400]}}';
    assert.deepEqual(identityOf(json).claims, [
      ["id", "12345678901234567890"],
      ["price", "1.10"],
      ["deep", '{"n":[0.1000000000000000055511151231257827,1e400]}'],
    ]);
  });

  test("have names like any other text", () => {
    assert.deepEqual(identityOf('{"__proto__":"p","constructor":"c","ü\\u0000":"\\u00e4"}').claims, [
      ["__proto__", "p"],
      ["constructor", "c"],
      ["ü\0", "ä"],
    ]);
  });

  test("are texts whatever the token has", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (claims) => {
        for (const [type, value] of identityWith(claims).claims)
          assert.deepEqual([typeof type, typeof value], ["string", "string"]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("system claims of a client", () => {
  test("left out mean the service's own rules", () => {
    const { claims, ...rest } = identityWith({});
    assert.deepEqual(claims, []);
    assert.deepEqual(rest, {
      userId: undefined,
      transports: ALL,
      handshakeTimeoutMs: undefined,
      pollIdleMs: undefined,
      detailedErrors: false,
      closeAtMs: undefined,
    });
  });

  for (const [mask, transports] of [
    ["1", ["WebSockets"]],
    ["2", ["ServerSentEvents"]],
    ["6", ["ServerSentEvents", "LongPolling"]],
    [5, ["WebSockets", "LongPolling"]],
    ["7", ALL],
    ["9", ["WebSockets"]],
    ["0", ALL],
    ["8", ALL],
    ["-1", ALL],
    ["1.5", ALL],
    ["x", ALL],
    ["", ALL],
  ] as const)
    test(`asrs.s.htt ${JSON.stringify(mask)} allows ${transports.join(", ")}`, () => {
      assert.deepEqual(identityWith({ "asrs.s.htt": mask }).transports, transports);
    });

  test("asrs.s.cht takes 1 to 30 seconds, asrs.s.ttl 1 to 300; others are ignored", () => {
    for (const [claim, field, max] of [
      ["asrs.s.cht", "handshakeTimeoutMs", 30],
      ["asrs.s.ttl", "pollIdleMs", 300],
    ] as const) {
      for (const seconds of [1, String(max)])
        assert.equal(identityWith({ [claim]: seconds })[field], Number(seconds) * 1000);
      for (const wrong of [0, -1, max + 1, 1.5, "1e1", " 5", "", true, null, {}, []])
        assert.equal(identityWith({ [claim]: wrong })[field], undefined, JSON.stringify(wrong));
    }
  });

  test("asrs.s.derror is true in any letter case, or else false", () => {
    for (const value of ["True", "true", true])
      assert.equal(identityWith({ "asrs.s.derror": value }).detailedErrors, true);
    for (const value of ["False", "1", "", 1, null])
      assert.equal(identityWith({ "asrs.s.derror": value }).detailedErrors, false);
  });

  test("asrs.s.coae closes at asrs.s.aeo, and only together", () => {
    const closeAt = (claims: object): number | undefined => identityWith(claims).closeAtMs;
    assert.equal(closeAt({ "asrs.s.coae": "true", "asrs.s.aeo": "1800000000" }), 1_800_000_000_000);
    assert.equal(closeAt({ "asrs.s.coae": "True", "asrs.s.aeo": 1_800_000_000 }), 1_800_000_000_000);
    assert.equal(closeAt({ "asrs.s.coae": "false", "asrs.s.aeo": "1800000000" }), undefined);
    assert.equal(closeAt({ "asrs.s.aeo": "1800000000" }), undefined);
    for (const wrong of ["", "soon", "9".repeat(15), "-5", null])
      assert.equal(closeAt({ "asrs.s.coae": "true", "asrs.s.aeo": wrong }), undefined, String(wrong));
  });
});
