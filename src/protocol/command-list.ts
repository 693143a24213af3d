import {
  type Extent,
  membersByName,
  named,
  PayloadError,
  readJsonBody,
  valueEnd,
  wrongKind,
} from "./json-body.ts";
import { jsonKind } from "./json-members.ts";
import { skipValue, skipWhitespace } from "./json-scan.ts";
import { readString } from "./json-string.ts";
import { type PayloadMessage, readMessage } from "./payload-message.ts";

/** What is to happen to each connection that a filter selects. */
export type Command =
  | { readonly type: "SendMessage"; readonly message: PayloadMessage }
  | { readonly type: "JoinGroup" | "LeaveGroup"; readonly group: string }
  | { readonly type: "CloseConnection"; readonly reason: string | undefined };

const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const EXPECTED = "a JSON array of commands";
const TYPES = ["SendMessage", "JoinGroup", "LeaveGroup", "CloseConnection"] as const;

/**
 * Reads the body of `:execute`, an array of `{"type":"SendMessage","message":{…}}`, `{"type":"JoinGroup","group":"…"}`,
 * `LeaveGroup` alike, and `{"type":"CloseConnection","reason":"…"}`, docs/spec/rest-api.md §1.5. Keys may be in any letter
 * case; the last of equal ones counts; others are ignored.
 * @throws {PayloadError} whose target is the path of what is wrong, like `[1].message.target`
 */
export function readCommands(body: Buffer, maxCommands: number): Command[] {
  return readJsonBody(body, EXPECTED, (start) => {
    const kind = jsonKind(body, start);
    const end = valueEnd(body, start);
    if (kind !== "Array")
      throw new PayloadError(
        "body",
        `The request body is ${named(kind)} at byte ${start}; ${EXPECTED} is expected.`,
      );
    const commands: Command[] = [];
    for (const extent of elements(body, { start, end })) {
      if (commands.length === maxCommands)
        throw new PayloadError("body", `The request body must have at most ${maxCommands} commands.`);
      commands.push(readCommand(body, extent, `[${commands.length}]`));
    }
    return commands;
  });
}

/** The elements of an array that is known to be valid. */
function* elements(json: Buffer, { start, end }: Extent): Generator<Extent> {
  let at = skipWhitespace(json, start + 1, end);
  while (json[at] !== CLOSE_BRACKET) {
    const elementEnd = skipValue(json, at, end);
    yield { start: at, end: elementEnd };
    at = skipWhitespace(json, elementEnd, end);
    if (json[at] === COMMA) at = skipWhitespace(json, at + 1, end);
  }
}

function readCommand(body: Buffer, extent: Extent, path: string): Command {
  if (jsonKind(body, extent.start) !== "Object") throw wrongKind(body, extent, path, "an object");
  const members = membersByName(body, extent);
  const type = commandType(body, members.get("type"), path);
  switch (type) {
    case "SendMessage": {
      const message = members.get("message");
      if (message === undefined) throw missing(path, "message");
      if (jsonKind(body, message.start) !== "Object")
        throw wrongKind(body, message, `${path}.message`, "an object");
      return { type, message: readMessage(body, message, `${path}.message.`) };
    }
    case "JoinGroup":
    case "LeaveGroup": {
      const group = members.get("group");
      if (group === undefined) throw missing(path, "group");
      return { type, group: text(body, group, `${path}.group`) };
    }
    case "CloseConnection": {
      const reason = members.get("reason");
      const isGiven = reason !== undefined && jsonKind(body, reason.start) !== "Null";
      return { type, reason: isGiven ? text(body, reason, `${path}.reason`) : undefined };
    }
  }
}

function commandType(body: Buffer, extent: Extent | undefined, path: string): Command["type"] {
  if (extent === undefined) throw missing(path, "type");
  const given = text(body, extent, `${path}.type`);
  const type = TYPES.find((each) => each === given);
  if (type !== undefined) return type;
  const known = TYPES.map((each) => `"${each}"`).join(", ");
  throw new PayloadError(`${path}.type`, `"${path}.type" must be one of ${known}.`);
}

function text(body: Buffer, extent: Extent, path: string): string {
  if (jsonKind(body, extent.start) !== "String") throw wrongKind(body, extent, path, "a string");
  return readString(body, extent.start, extent.end);
}

function missing(path: string, member: string): PayloadError {
  return new PayloadError(`${path}.${member}`, `"${path}" has no "${member}".`);
}
