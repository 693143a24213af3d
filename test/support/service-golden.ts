import { readFileSync } from "node:fs";
import type { ServiceMessage } from "../../src/protocol/service-message.ts";

/** A message of the service protocol as a peer wrote it, with its length prefix. */
export interface ServiceGoldenRow {
  readonly name: string;
  /** What today's app servers write, what only the newest do, or what older ones did and none does any more. */
  readonly form: "current" | "newer" | "older";
  readonly value: ServiceMessage;
  readonly bytes: Buffer;
  /** Who wrote it. */
  readonly source: string;
  /** Why we write the same message in another way. */
  readonly readOnly?: string;
}

/** The rows of test/golden/service-protocol.json; `{"hex":"…"}` in them is a `Buffer`. */
export function serviceGoldenRows(): ServiceGoldenRow[] {
  const json = readFileSync(new URL("../golden/service-protocol.json", import.meta.url), "utf8");
  const rows: (ServiceGoldenRow & { readonly bytes: unknown })[] = JSON.parse(json, (_, value) =>
    typeof value?.hex === "string" ? Buffer.from(value.hex, "hex") : value,
  );
  return rows.map((row) => ({ ...row, bytes: Buffer.from(String(row.bytes), "hex") }));
}
