import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { RestNode } from "../../test/support/rest-node.ts";
import { apiErrors } from "../core/errors.ts";
import { statusIn } from "./api-version.ts";
import { openApiDocument } from "./openapi.ts";
import { folders, operations, operationsByPath } from "./operations.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
  readonly security?: readonly unknown[];
  readonly "x-hubwire-statuses"?: Readonly<Record<string, number>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** The document as callers get it. */
async function served(node: RestNode): Promise<OpenApi> {
  const response = await node.app.inject({ url: "/api/openapi.json" });
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "application/json; charset=utf-8");
  return response.json();
}

const document = JSON.parse(JSON.stringify(openApiDocument())) as OpenApi;

/** Every documented operation with where it is. */
const documented = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([key, operation]) => ({
    path,
    method: key.replace(/^x-/, "").toUpperCase(),
    operation,
  })),
);

function documentedAt(path: string, method: string): DocumentedOperation | undefined {
  return documented.find((each) => each.path === path && each.method === method)?.operation;
}

describe("the OpenAPI document", () => {
  test("is served to anyone, whatever the version", async () => {
    await using node = await RestNode.start();
    assert.deepEqual(await served(node), document);
  });

  test("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)));
    assert.deepEqual(errors ?? [], []);
    assert.ok(valid);
    assert.equal(validator.version, "3.1");
  });

  test("has every operation at each of its paths with each version's status, and no other", () => {
    const expected: string[] = [];
    for (const family of ["dated", "v1", "hubwire"] as const)
      for (const [path, byMethod] of operationsByPath(family))
        for (const [method, { statuses, summary }] of byMethod) {
          const at = `${folders[family]}${path}`;
          expected.push(`${method} ${at}`);
          const operation = documentedAt(at, method);
          assert.ok(operation, `${method} ${at}`);
          assert.equal(operation.summary, summary);
          const statusOf = (version: Parameters<typeof statusIn>[1]): number | undefined =>
            statusIn(statuses, version);
          if (family === "dated") {
            const byVersion = operation["x-hubwire-statuses"] ?? {};
            assert.notDeepEqual(byVersion, {});
            for (const version of [
              "2020-10-01",
              "2022-06-01",
              "2022-11-01",
              "2023-07-01",
              "2024-12-01",
              "2026-07-01",
            ] as const) {
              assert.equal(byVersion[version], statusOf(version), `${method} ${at} ${version}`);
              if (byVersion[version] !== undefined)
                assert.ok(operation.responses[String(byVersion[version])]);
            }
          } else assert.ok(operation.responses[String(statusOf(family))], `${method} ${at}`);
        }
    assert.deepEqual(documented.map(({ path, method }) => `${method} ${path}`).sort(), expected.sort());
    for (const { path, method } of operations.filter(({ statuses }) => statuses["2024-12-01"] !== undefined))
      assert.ok(documentedAt(`/api${path}`, method), "each that is new in 2024-12-01");
  });

  test("gives each operation an id of its own, names its path's parameters, and asks for a version where one is needed", () => {
    const ids = documented.map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { path, operation } of documented) {
      const { parameters } = operation;
      const inPath = parameters.filter((each) => each.in === "path").map(({ name }) => name);
      assert.deepEqual(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        path,
      );
      assert.equal(new Set(parameters.map((each) => `${each.in} ${each.name}`)).size, parameters.length);
      const isAnonymous = operation.security?.length === 0;
      const isVersioned = !path.startsWith("/api/v1/") && !path.startsWith("/api/hubwire/") && !isAnonymous;
      assert.equal(
        parameters.some(({ name, required }) => name === "api-version" && required),
        isVersioned,
        path,
      );
    }
  });

  test("refers only to schemas that it has, and uses them all", () => {
    const references = new Set(
      [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = ""]) => name),
    );
    assert.deepEqual([...references].sort(), Object.keys(document.components.schemas).sort());
  });

  test("tells in no content types that the handlers do not take", async () => {
    await using node = await RestNode.start();
    for (const { path, method, operation } of documented) {
      if (operation.requestBody === undefined) continue;
      const url = `${path.replace(/\{\w+\}/g, "x")}?api-version=2026-07-01`;
      const types = Object.keys(operation.requestBody.content);
      for (const type of [
        "application/json",
        "application/octet-stream",
        "application/x-msgpack",
        "text/plain",
      ]) {
        // A byte that is neither JSON nor MessagePack.
        const response = await node.call(method, url, {
          body: Buffer.of(0xc1),
          headers: { "content-type": type },
        });
        assert.equal(response.statusCode, types.includes(type) ? 400 : 415, `${method} ${path} ${type}`);
        assert.ok(
          operation.responses[String(response.statusCode)],
          `${method} ${path} ${response.statusCode}`,
        );
      }
      const empty = await node.call(method, url);
      assert.equal(empty.statusCode, 400, "a body is required");
    }
  });

  test("tells every status that an error of an operation has", () => {
    for (const { errors = [], path } of operations)
      for (const code of errors) {
        const holders = documented.filter((each) => each.path.endsWith(path));
        assert.ok(
          holders.some(({ operation }) => operation.responses[String(apiErrors[code].status)]),
          path,
        );
      }
  });
});
