import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { negotiateError, negotiateResponse, negotiateVersion } from "./negotiate.ts";

describe("the negotiate version", () => {
  const notSupported = (version: number) =>
    `The client requested version '${version}', but the server does not support this version.`;
  const notInteger = "The client requested a non-integer protocol version.";
  const cases: [values: string[], expected: ReturnType<typeof negotiateVersion>][] = [
    [[], { version: 0 }],
    [["0"], { version: 0 }],
    [["1"], { version: 1 }],
    [["+1"], { version: 1 }],
    [["5"], { version: 1 }],
    [["2147483647"], { version: 1 }],
    [["-1"], { error: notSupported(-1) }],
    [["x"], { error: notInteger }],
    [[""], { error: notInteger }],
    [["1.0"], { error: notInteger }],
    [["2147483648"], { error: notInteger }],
    [["1", "1"], { version: 1 }],
    [["0", "1"], { version: 1 }],
    [["1", "0"], { version: 0 }],
    [["1", "x"], { version: 1 }],
    [["x", "0", "-1"], { version: 0 }],
    [["-1", "-2", "x"], { error: notSupported(-2) }],
  ];
  for (const [values, expected] of cases) {
    test(`of ${JSON.stringify(values)} is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(negotiateVersion(values), expected);
    });
  }
});

describe("a negotiate response", () => {
  const answer = {
    version: 1,
    connectionId: "DHzacX5JK74dIcZZdk_9EA",
    connectionToken: "lvOlfOFA7JzufA4jkooE4Q",
    transports: ["WebSockets", "ServerSentEvents", "LongPolling"],
    statefulReconnect: false,
  } as const;

  test("of version 1 is ASP.NET's, byte for byte", () => {
    assert.equal(
      negotiateResponse(answer),
      '{"negotiateVersion":1,"connectionId":"DHzacX5JK74dIcZZdk_9EA","connectionToken":"lvOlfOFA7JzufA4jkooE4Q",' +
        '"availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},' +
        '{"transport":"ServerSentEvents","transferFormats":["Text"]},{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}',
    );
  });

  test("of version 0 has no connection token", () => {
    const transports = ["LongPolling"] as const;
    assert.equal(
      negotiateResponse({ ...answer, version: 0, transports }),
      '{"negotiateVersion":0,"connectionId":"DHzacX5JK74dIcZZdk_9EA","availableTransports":[{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}',
    );
  });

  test("tells of stateful reconnect only where it was agreed on", () => {
    const json = negotiateResponse({ ...answer, transports: [], statefulReconnect: true });
    assert.ok(json.endsWith('"availableTransports":[],"useStatefulReconnect":true}'));
  });

  test("of a refusal has the reason alone", () =>
    assert.equal(negotiateError('no "way"'), '{"error":"no \\"way\\""}'));
});
