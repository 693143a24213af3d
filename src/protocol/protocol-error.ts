/**
 * A peer broke the rules of the wire; its connection ends, no other is touched.
 * The message is the text that ASP.NET Core SignalR gives for the same violation, exception type included
 * ("InvalidDataException: Missing required property 'type'.").
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** What ASP.NET reports as an InvalidDataException: nearly all that can be wrong in a message. */
export function invalidData(text: string, options?: ErrorOptions): ProtocolError {
  return new ProtocolError(`InvalidDataException: ${text}`, options);
}

/** A message, framing included, is larger than the service accepts. */
export function messageTooLarge(maxBytes: number): ProtocolError {
  return invalidData(
    `The maximum message size of ${maxBytes}B was exceeded. The message size can be configured in AddHubOptions.`,
  );
}
