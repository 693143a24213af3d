/** A command cannot do what it was asked to; the message says why and what to do. The process ends with 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
