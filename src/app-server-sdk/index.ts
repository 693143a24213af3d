/**
 * App servers of Hubwire, and of Azure SignalR Service, in Node: what `AddAzureSignalR()` and a Hub class are on .NET.
 * @module
 */
import { AppServer } from "./app-server.ts";
import type { AppServerOptions } from "./settings.ts";

export type { AppServer } from "./app-server.ts";
export type { Audience, CallerClients, Clients, OneClient } from "./audience.ts";
export { HubError, NotConnectedError, TimeoutError } from "./errors.ts";
export type { AppServerEvent } from "./events.ts";
export type { HubContext } from "./hub-context.ts";
export type { CloseOptions, Closing, Existence, Groups, Member, UserGroups } from "./memberships.ts";
export type {
  Authenticate,
  NegotiateAnswer,
  NegotiateHandler,
  NegotiateOptions,
  NegotiateRequest,
} from "./negotiate.ts";
export { TokenTooLongError } from "./negotiate.ts";
export type { AppServerOptions, HubMethod, ShutdownMode } from "./settings.ts";

/**
 * Makes an app server of a hub; it connects when it is started.
 *
 * @example
 * const chat = createAppServer({
 *   connectionString: process.env.AzureSignalRConnectionString,
 *   hub: "chat",
 *   methods: {
 *     async send(context, text: string) {
 *       await context.clients.all.send("newMessage", context.userId, text);
 *     },
 *   },
 * });
 * await chat.start();
 * createServer(chat.negotiateHandler()).listen(3000); // clients connect to http://localhost:3000/chat
 *
 * @throws {ConnectionStringError} and {TypeError} for options that make no sense
 */
export function createAppServer(options: AppServerOptions): AppServer {
  return new AppServer(options);
}
