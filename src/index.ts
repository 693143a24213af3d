/**
 * Hubwire inside a program: for tests that need the service, and for those who embed it.
 * @module
 */
export { createHubwire, type Hubwire, type HubwireOptions, type HubwireSize } from "./app.ts";
