import type { MessagePackCursor } from "./messagepack-cursor.ts";
import type { ServiceClaims, ServiceHeaders, ServicePayload } from "./service-message.ts";
import type { ServiceMessageWriter } from "./service-message-writer.ts";

/** One element of a service message, or of its map of extensions. */
export interface Field<Value> {
  /** `undefined`: the element is of another kind, or broken. */
  read(cursor: MessagePackCursor): Value | undefined;
  write(out: ServiceMessageWriter, value: Value): void;
  /** What it is where an older peer's array ends before it; a field without one must be there. */
  readonly absent?: Value;
}

/** A text; nil reads as `""`. */
export const text: Field<string> = {
  read(cursor) {
    const value = cursor.text();
    return value === null ? "" : value;
  },
  write: (out, value) => out.text(value),
};

/** A text that may be nil. */
export const nullableText: Field<string | null> = {
  read: (cursor) => cursor.text(),
  write: (out, value) => (value === null ? out.nil() : out.text(value)),
};

export const integer: Field<number> = {
  read: (cursor) => cursor.integer(),
  write: (out, value) => out.integer(value),
};

/** An integer that the SDK always writes with four bytes. */
export const int32: Field<number> = {
  read: (cursor) => cursor.integer(),
  write: (out, value) => out.int32(value),
};

export const boolean: Field<boolean> = {
  read: (cursor) => cursor.boolean(),
  write: (out, value) => out.boolean(value),
};

/** A `bin`, as a view; nil reads as empty. */
export const binary: Field<Buffer> = {
  read: (cursor) => (cursor.takeNil() ? EMPTY : cursor.binary()),
  write: (out, value) => out.binary(value),
};

export const texts: Field<readonly string[]> = {
  read(cursor) {
    const count = cursor.takeNil() ? 0 : cursor.arrayLength();
    return count === undefined ? undefined : elements(count, () => text.read(cursor));
  },
  write(out, values) {
    out.arrayHeader(values.length);
    for (const value of values) out.text(value);
  },
};

export const claims: Field<ServiceClaims> = pairsOf(text);
export const headers: Field<ServiceHeaders> = pairsOf(texts);
export const payload: Field<ServicePayload> = pairsOf(binary);

/** Milliseconds since the epoch, or nil: MessagePack's timestamp, or .NET's ticks as one revision of the SDK wrote it. */
export const time: Field<number | null> = {
  read(cursor) {
    if (cursor.takeNil()) return null;
    const timestamp = cursor.timestampMs();
    if (timestamp !== undefined) return timestamp;
    const ticks = cursor.integer();
    return ticks === undefined ? undefined : Math.floor(ticks / TICKS_PER_MS) - EPOCH_MS_AFTER_YEAR_1;
  },
  write: (out, value) => (value === null ? out.nil() : out.timestamp(value)),
};

/** The same field, which an older peer leaves out. */
export function since<Value>(field: Field<Value>, absent: Value): Field<Value> {
  return { ...field, absent };
}

const EMPTY = Buffer.alloc(0);
const TICKS_PER_MS = 10_000;
const EPOCH_MS_AFTER_YEAR_1 = 62_135_596_800_000;

/** A map in its order; a key may come several times. */
function pairsOf<Value>(value: Field<Value>): Field<readonly (readonly [string, Value])[]> {
  return {
    read(cursor) {
      const count = cursor.takeNil() ? 0 : cursor.mapLength();
      return count === undefined ? undefined : elements(count, () => pair(cursor, value));
    },
    write(out, pairs) {
      out.mapHeader(pairs.length);
      for (const [key, item] of pairs) {
        out.text(key);
        value.write(out, item);
      }
    },
  };
}

function pair<Value>(cursor: MessagePackCursor, field: Field<Value>): readonly [string, Value] | undefined {
  const key = text.read(cursor);
  const value = key === undefined ? undefined : field.read(cursor);
  return key === undefined || value === undefined ? undefined : [key, value];
}

/** Reads so many elements; a count that is not true ends at the first one that is missing. */
function elements<Item>(count: number, read: () => Item | undefined): Item[] | undefined {
  const items: Item[] = [];
  for (let index = 0; index < count; index++) {
    const item = read();
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
