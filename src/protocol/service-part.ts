import type { MessagePackCursor } from "./messagepack-cursor.ts";
import { type Field, text } from "./service-field.ts";
import type { ServiceMessageWriter } from "./service-message-writer.ts";

/** A message whose type is not looked at: what `layout` allows in the table holds its members to their types. */
export type Members = Record<string, unknown>;

/** A part of a message's array: one element or, for the pairs of a ping, all that is left. */
export interface Part {
  /** The member that it is, for what is said of a broken message. */
  readonly name: string;
  /**
   * Reads it into the message.
   * @param left elements of the array from here on; none or fewer where the peer is older
   * @returns `false` where it is missing or broken
   */
  read(cursor: MessagePackCursor, left: number, message: Members): boolean;
  /** Elements that it writes of the message. */
  width(message: Members): number;
  write(out: ServiceMessageWriter, message: Members): void;
}

/** One element that is a member of the message. */
export function element(name: string, kind: Field<unknown>): Part {
  return {
    name,
    read(cursor, left, message) {
      const value = left > 0 ? kind.read(cursor) : kind.absent;
      if (value === undefined) return false;
      message[name] = value;
      return true;
    },
    width: () => 1,
    write: (out, message) => kind.write(out, message[name]),
  };
}

/** The last element, which is left out where the message has no such member; nil reads as left out. */
export function optional(name: string, kind: Field<unknown>): Part {
  const always = element(name, kind);
  return {
    name,
    read: (cursor, left, message) => left <= 0 || cursor.takeNil() || always.read(cursor, left, message),
    width: (message) => (message[name] === undefined ? 0 : 1),
    write(out, message) {
      if (message[name] !== undefined) always.write(out, message);
    },
  };
}

/** A member of the message with its key. */
export type Extension = readonly [key: number, name: string, kind: Field<unknown>];

/** The map of optional members by numbers, docs/spec/service-protocol.md §3.2; what has its default is left out. */
export function extensions(known: readonly Extension[]): Part {
  const parts = new Map(known.map(([key, name, kind]) => [key, element(name, kind)]));
  const isWritten = (message: Members, [, name, { absent }]: Extension): boolean =>
    message[name] !== undefined && message[name] !== absent;
  return {
    name: "extensions",
    read(cursor, left, message) {
      const count = left <= 0 || cursor.takeNil() ? 0 : cursor.mapLength();
      if (count === undefined) return false;
      for (let index = 0; index < count; index++) {
        const key = cursor.integer();
        if (key === undefined) return false;
        const part = parts.get(key);
        if (!(part === undefined ? cursor.skip() : part.read(cursor, 1, message))) return false;
      }
      return true;
    },
    width: () => 1,
    write(out, message) {
      const written = known.filter((extension) => isWritten(message, extension));
      out.mapHeader(written.length);
      for (const [key, name, kind] of written) {
        out.integer(key);
        kind.write(out, message[name]);
      }
    },
  };
}

type Pairs = readonly (readonly [key: string, value: string])[];

/** The key-value pairs of a ping: all that is left of its array. */
export const pingPairs: Part = {
  name: "pairs",
  read(cursor, left, message) {
    const pairs: (readonly [string, string])[] = [];
    for (let at = 1; at < left; at += 2) {
      const key = text.read(cursor);
      const value = text.read(cursor);
      if (key === undefined || value === undefined) return false;
      pairs.push([key, value]);
    }
    message["pairs"] = pairs;
    return true;
  },
  width: (message) => 2 * pairsOf(message).length,
  write(out, message) {
    for (const pair of pairsOf(message)) for (const item of pair) out.text(item);
  },
};

function pairsOf(message: Members): Pairs {
  return message["pairs"] as Pairs;
}
