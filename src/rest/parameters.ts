import { ApiError } from "../core/errors.ts";

export const MAX_NAME_LENGTH = 1024;
export const MAX_STREAM_ID_LENGTH = 100;
export const MAX_PAGE_SIZE = 200;
/** In one `:execute`; Azure's own limit is unknown. */
export const MAX_COMMANDS = 100;

/** The largest int32, which is what Azure's API counts with. */
const MAX_INT32 = 2 ** 31 - 1;

/** What the caller is told of a parameter that breaks this rule. */
export function invalid(parameter: string, rule: string): ApiError {
  return new ApiError("Error.Request.Invalid", `'${parameter}' ${rule}.`, parameter);
}

/** The name of a group or user. @throws {ApiError} unless it has 1 to 1024 UTF-16 units, as Azure's validation counts */
export function checkedName(parameter: string, name: string): string {
  if (name.length < 1 || name.length > MAX_NAME_LENGTH)
    throw invalid(parameter, `must have 1 to ${MAX_NAME_LENGTH} characters, and has ${name.length}`);
  return name;
}

/** The name of a group, which is not all white space. @throws {ApiError} */
export function checkedGroup(parameter: string, name: string): string {
  if (checkedName(parameter, name).trim() === "")
    throw invalid(parameter, "must not consist of white space only");
  return name;
}

/** A whole number in decimal digits. @throws {ApiError} with what it counts in its message */
export function wholeNumber(
  parameter: string,
  text: string,
  { min, max = MAX_INT32, what = "a whole number" }: { min: number; max?: number; what?: string },
): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw invalid(parameter, `must be ${what} from ${min} to ${max}`);
  return value;
}
