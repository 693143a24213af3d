import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { RestNode } from "../../test/support/rest-node.ts";
import { ApiError } from "../core/errors.ts";
import { always, datedVersion, datedVersions, firstVersion, LATEST, statusIn } from "./api-version.ts";

describe("api-version", () => {
  const served = {
    "2020-10-01": "2020-10-01",
    "2020-10-02": "2020-10-01",
    "2022-05-31": "2020-10-01",
    "2022-06-01": "2022-06-01",
    "2022-06-01-preview": "2022-06-01",
    "2022-06-01-Preview": "2022-06-01",
    "2022-11-01": "2022-11-01",
    "2023-06-30": "2022-11-01",
    "2023-07-01": "2023-07-01",
    "2024-02-29": "2023-07-01",
    "2024-12-01": "2024-12-01",
    "2025-01-01-preview": "2024-12-01",
    "2026-07-01": "2026-07-01",
    "9999-12-31": "2026-07-01",
  };
  for (const [requested, version] of Object.entries(served))
    test(`${requested} is served as ${version}`, () => assert.equal(datedVersion(requested), version));

  for (const requested of [
    undefined,
    "",
    "banana",
    "1.0",
    "2022",
    "2022-6-1",
    "20220601",
    "2022-06-01 ",
    "2022-06-01-beta",
    "2022-06-01T00:00:00Z",
    "2022-06-31",
    "2023-02-29",
    "2022-13-01",
    "2022-00-10",
    "2020-09-30",
    "2018-01-01",
    "0000-01-01",
  ])
    test(`${requested} is refused, with the versions there are`, () => {
      assert.throws(
        () => datedVersion(requested),
        (error) =>
          error instanceof ApiError &&
          error.code === "Error.Request.ApiVersion" &&
          error.status === 400 &&
          error.target === "api-version" &&
          /2020-10-01, 2022-06-01, 2022-11-01, 2023-07-01, 2024-12-01, 2026-07-01/.test(error.message),
      );
    });

  test("is a version or refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{4}-\d\d-\d\d(-preview)?$/)), (text) => {
        try {
          assert.ok(datedVersions.includes(datedVersion(text)));
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is required on dated paths, in any letter case of its name, and not looked at by v1", async () => {
    await using node = await RestNode.start();
    const statusOf = async (url: string): Promise<number> => (await node.call("DELETE", url)).statusCode;
    assert.equal(await statusOf("/api/hubs/chat/users/u/groups"), 400);
    assert.equal(await statusOf("/api/hubs/chat/users/u/groups?api-version="), 400);
    assert.equal(await statusOf("/api/hubs/chat/users/u/groups?api-version=v1"), 400);
    assert.equal(await statusOf("/api/hubs/chat/users/u/groups?API-Version=2022-06-01"), 204);
    assert.equal(await statusOf("/api/v1/hubs/chat/users/u/groups?api-version=banana"), 200);
  });
});

describe("the status of success", () => {
  test("is that of the nearest version before that names one, and of v1 or ours only where they do", () => {
    const statuses = { v1: 202, "2020-10-01": 201, "2022-11-01": 204 } as const;
    assert.deepEqual(
      datedVersions.map((version) => statusIn(statuses, version)),
      [201, 201, 204, 204, 204, 204],
    );
    assert.equal(statusIn(statuses, "v1"), 202);
    assert.equal(statusIn(statuses, "hubwire"), undefined);
    assert.equal(statusIn({ hubwire: 200 }, LATEST), undefined);
  });

  test("tells from which version on there is an operation", () => {
    const statuses = { "2023-07-01": 200 };
    assert.deepEqual(
      datedVersions.map((version) => statusIn(statuses, version)),
      [undefined, undefined, undefined, 200, 200, 200],
    );
    assert.equal(firstVersion(statuses), "2023-07-01");
    assert.equal(firstVersion(always(200)), "2020-10-01");
    assert.equal(firstVersion({ v1: 200 }), undefined);
  });

  test("of the latest version is the last that there is", () => assert.equal(LATEST, datedVersions.at(-1)));
});
