import { isIP } from "node:net";
import { z } from "zod";

/*
 * The kinds of value a setting can have. Each takes its typed form (from a file) and its text form (from the
 * environment and flags). The `error` of each completes the sentence "… is not …".
 */

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const error = `a whole number from ${min} to ${max}`;
  return z.preprocess(numberOfText, z.int({ error }).min(min, { error }).max(max, { error }));
}

/** A number of seconds from `min` to a day; fractions count. */
export function seconds(min: number): z.ZodType<number> {
  const error = `a number of seconds from ${min} to 86400`;
  return z.preprocess(numberOfText, z.number({ error }).min(min, { error }).max(86_400, { error }));
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  return z.enum(words, { error: `one of ${words.join(", ")}` });
}

/** Yes or no. */
export function yesOrNo(): z.ZodType<boolean> {
  return z.preprocess(booleanOfText, z.boolean({ error: "true or false" }));
}

/** A name or an address, not a URL. */
export function hostName(): z.ZodType<string> {
  return checkedText(
    "a host name or an IP address",
    (text) => isIP(text) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/i.test(text),
  );
}

/** The path of a folder. */
export function folder(): z.ZodType<string> {
  return checkedText("the path of a folder", (text) => text.trim() !== "" && !text.includes("\0"));
}

/** An absolute http or https URL without user, query and fragment. */
export function webUrl(): z.ZodType<string> {
  return checkedText("an absolute http:// or https:// URL without user, query and fragment", isWebUrl);
}

/** A list; its text form has commas. */
export function listOf<Item>(item: z.ZodType<Item>, error: string): z.ZodType<readonly Item[]> {
  return z.preprocess(itemsOfText, z.array(item, { error }));
}

/** A list with at least one item. */
export function someOf<Item>(item: z.ZodType<Item>, error: string): z.ZodType<readonly Item[]> {
  return z.preprocess(itemsOfText, z.array(item, { error }).min(1, { error }));
}

/** Text that `isRight`; `error` says what that is. */
export function checkedText(error: string, isRight: (text: string) => boolean): z.ZodType<string> {
  return z.string({ error }).refine(isRight, { error });
}

/** A list of maps; its text form is JSON. */
export function jsonListOf<Item>(item: z.ZodType<Item>, error: string): z.ZodType<readonly Item[]> {
  return z.preprocess(jsonOfText, z.array(item, { error }));
}

/** A map whose member names may be in any letter case, as .NET and Azure Resource Manager read them. */
export function anyCase<Members>(names: readonly string[], map: z.ZodType<Members>): z.ZodType<Members> {
  const properName = new Map(names.map((name) => [name.toLowerCase(), name]));
  const renamed = (value: unknown): unknown =>
    isMap(value)
      ? Object.fromEntries(
          Object.entries(value).map(([name, of]) => [properName.get(name.toLowerCase()) ?? name, of]),
        )
      : value;
  return z.preprocess(renamed, map);
}

/** Whether a value is a map of names to values. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOfText(value: unknown): unknown {
  return typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
}

function booleanOfText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const word = value.trim().toLowerCase();
  return word === "true" || (word === "false" ? false : value);
}

function itemsOfText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function jsonOfText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // the check that follows says what it should have been
  }
}

function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    /^https?:\/\//i.test(text) &&
    url !== null &&
    url.username === "" &&
    url.password === "" &&
    !/[?#\s]/.test(text)
  );
}
