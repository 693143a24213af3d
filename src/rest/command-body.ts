import { closedByCaller } from "../core/close-reasons.ts";
import { Payload } from "../core/payload.ts";
import type { ClientAction } from "../core/ports.ts";
import { type Command, readCommands } from "../protocol/command-list.ts";
import { checkedGroup, MAX_COMMANDS } from "./parameters.ts";
import { type RequestBody, readBody } from "./request-body.ts";

/** What the commands in a body come to, all of them checked. @throws {ApiError} whose target is the path of what is wrong */
export function readActions(body: RequestBody): ClientAction[] {
  const commands = readBody(body, "a list of commands", { json: (text) => readCommands(text, MAX_COMMANDS) });
  return commands.map(actionOf);
}

function actionOf(command: Command, index: number): ClientAction {
  switch (command.type) {
    case "SendMessage": {
      const { target, args } = command.message;
      return { action: "send", payload: Payload.invocation(target, args) };
    }
    case "JoinGroup":
      return { action: "join", group: checkedGroup(`[${index}].group`, command.group) };
    case "LeaveGroup":
      return { action: "leave", group: checkedGroup(`[${index}].group`, command.group) };
    case "CloseConnection":
      return { action: "close", reason: closedByCaller(command.reason) };
  }
}
