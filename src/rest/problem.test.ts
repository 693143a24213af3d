import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { localRouter } from "../../test/support/local-router.ts";
import { RestNode } from "../../test/support/rest-node.ts";
import { ApiError } from "../core/errors.ts";
import { problemOf } from "./problem.ts";

describe("an error", () => {
  test("that is a fault of ours is 500, hides what it is from the caller, and is told to the log", async () => {
    const error = new TypeError("secret");
    const router = Object.assign(localRouter(), { exists: () => Promise.reject(error) });
    await using node = await RestNode.start({ router });
    const path = "/api/hubs/chat/users/u";
    const response = await node.call("GET", `${path}?api-version=2022-06-01`);
    assert.equal(response.statusCode, 500);
    assert.equal(response.headers["x-ms-error-code"], "Error.Service.Internal");
    assert.deepEqual(response.json(), {
      code: "Error.Service.Internal",
      message: "The service has a fault. Its log tells more.",
    });
    assert.deepEqual(node.events, [{ name: "rest.failed", method: "GET", path, error }]);
  });

  for (const [what, method, path, query, expected] of [
    [
      "a version that is none",
      "GET",
      "/api/hubs/chat/users/u",
      "api-version=x",
      { code: "Error.Request.ApiVersion", target: "api-version" },
    ],
    [
      "a filter that is none",
      "POST",
      "/api/hubs/chat/:execute",
      "api-version=2024-12-01&filter=userId%20is%20'a'",
      { code: "Error.Request.Invalid", target: "filter" },
    ],
    [
      "a continuation token that is made up",
      "GET",
      "/api/hubs/chat/groups/g/connections",
      "api-version=2024-12-01&continuationToken=made-up",
      { code: "Error.Request.Invalid", target: "continuationToken" },
    ],
    [
      "an operation that there is not",
      "GET",
      "/api/hubs",
      "api-version=2024-12-01",
      { code: "Error.Request.NotFound", target: undefined },
    ],
  ] as const)
    test(`of the caller is told to the log as it is to the caller: ${what}`, async () => {
      await using node = await RestNode.start();
      const response = await node.call(method, `${path}?${query}`);
      const { message: reason } = response.json<{ message: string }>();
      assert.deepEqual(node.events, [{ name: "rest.refused", method, path, ...expected, reason }]);
    });

  test("that is an answer like any other is not told to the log", async () => {
    await using node = await RestNode.start();
    const response = await node.call("HEAD", "/api/hubs/chat/users/u?api-version=2022-06-01");
    assert.equal(response.statusCode, 404);
    assert.deepEqual(node.events, []);
  });

  for (const thrown of [
    undefined,
    null,
    "text",
    7,
    {},
    { statusCode: 399 },
    { statusCode: 500 },
    { statusCode: "400" },
  ])
    test(`that is no Error is a fault of ours: ${JSON.stringify(thrown)}`, () => {
      const problem = problemOf(thrown);
      assert.equal(problem.code, "Error.Service.Internal");
      assert.equal(problem.cause, thrown);
    });

  test("that is the caller's is itself", () => {
    const error = new ApiError("Error.Request.Invalid", "m", "t");
    assert.equal(problemOf(error), error);
    assert.equal(problemOf({ statusCode: 400 }).code, "Error.Request.Invalid");
  });
});
