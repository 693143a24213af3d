/**
 * What a caller may do: read or write by REST, or what app servers need: server connections, and keys to sign clients' tokens with.
 * A token that is signed with an access key allows everything.
 */
export type Permission = "read" | "write" | "server";

type Role = "owner" | "restOwner" | "reader" | "appServer";

const permissions: Readonly<Record<Role, readonly Permission[]>> = {
  owner: ["read", "write", "server"],
  restOwner: ["read", "write"],
  reader: ["read"],
  appServer: ["server"],
};

/** The roles of docs/spec/rest-api.md §2.4, each with the names that it has in an issuer's tokens. */
export type OidcRoles = Readonly<Record<Role, readonly string[]>>;

/** The names of all roles that have a permission. */
export function rolesWith(permission: Permission, roles: OidcRoles): string[] {
  return Object.entries(permissions).flatMap(([role, permitted]) =>
    permitted.includes(permission) ? roles[role as Role] : [],
  );
}
