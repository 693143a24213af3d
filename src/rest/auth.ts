import { jsonAnswer, type Operation } from "./operation.ts";

/** Keys for callers that have none, docs/spec/rest-api.md §2.4. */
export const authOperations: readonly Operation[] = [
  {
    method: "GET",
    path: "/auth/accessKey",
    access: "server",
    statuses: { v1: 200, "2023-07-01": 200 },
    summary: "A key to sign clients' tokens with, for callers that have no access key.",
    result: "AccessKey",
    run: async (_call, { issuedKeys }) => {
      const { accessKey, keyId } = issuedKeys.current;
      return jsonAnswer({ AccessKey: accessKey, KeyId: keyId }, { "Cache-Control": "no-store" });
    },
  },
];
