import type { MessagePackCursor } from "./messagepack-cursor.ts";
import type { ServiceClaims, ServiceHeaders, ServicePayload } from "./service-message.ts";
import type { ServiceMessageWriter } from "./service-message-writer.ts";

/** One element of a service message, or of its map of extensions. */
export interface Field<Value> {
  /** `undefined`: the element is of another kind, or broken. */
  read(cursor: MessagePackCursor): Value | undefined;
  write(out: ServiceMessageWriter, value: Value): void;
  /** What it is where it is left out, as an older peer does; a field without one must be there. */
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

/** An integer of 32 bits, in as few bytes as it can be. */
export const integer: Field<number> = {
  read(cursor) {
    const value = cursor.integer();
    return value === undefined || (value | 0) !== value ? undefined : value;
  },
  write: (out, value) => out.integer(value),
};

/** An integer of 32 bits that the SDK always writes with four bytes. */
export const int32: Field<number> = { ...integer, write: (out, value) => out.int32(value) };

/** An unsigned integer of 64 bits, in decimal. */
export const uint64: Field<string> = {
  read(cursor) {
    const value = cursor.bigInteger();
    return value === undefined || value < 0n ? undefined : value.toString();
  },
  write: (out, value) => out.uint64(BigInt(value)),
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

/** MessagePack's timestamp, in milliseconds since the epoch. */
export const time: Field<number> = {
  read: (cursor) => cursor.timestampMs(),
  write: (out, value) => out.timestamp(value),
};

/** The same field, where nil stands for none. */
export function nullable<Value>(field: Field<Value>): Field<Value | null> {
  return {
    read: (cursor) => (cursor.takeNil() ? null : field.read(cursor)),
    write: (out, value) => (value === null ? out.nil() : field.write(out, value)),
  };
}

/** The same field, which may be left out. */
export function withDefault<Value>(field: Field<Value>, absent: Value): Field<Value> {
  return { ...field, absent };
}

const EMPTY = Buffer.alloc(0);

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
