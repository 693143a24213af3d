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

  test("of the caller is told to the caller only", async () => {
    await using node = await RestNode.start();
    await node.call("GET", "/api/hubs/chat/users/u?api-version=x");
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
