const table = {
  "Warning.Connection.NotExisted": { status: 404, meaning: "No connection has this id." },
  "Error.Connection.NotExisted": {
    status: 404,
    meaning: "The connection that should join the group does not exist.",
  },
  "Warning.Group.NotExisted": { status: 404, meaning: "The group has no connection." },
  "Warning.User.NotExisted": { status: 404, meaning: "The user has no connection." },
  "Info.User.NotInGroup": { status: 404, meaning: "The user is not in the group." },
  "Error.Request.Invalid": {
    status: 400,
    meaning: "A parameter or the body is not what the operation takes; `target` names it.",
  },
  "Error.Connection.InvocationFailed": {
    status: 400,
    meaning:
      "The client answered the invocation with an error, or not at all. The body is the error's plain text.",
  },
  "Error.User.Invalid": {
    status: 403,
    meaning: "The claims are of another user than the connection.",
  },
  "Error.Request.ApiVersion": { status: 400, meaning: "`api-version` is missing or not a known form." },
  "Error.Request.Forbidden": {
    status: 403,
    meaning: "The token is good, but its roles do not allow the operation.",
  },
  "Error.Request.NotFound": { status: 404, meaning: "There is no such operation." },
  "Error.Request.MethodNotAllowed": {
    status: 405,
    meaning: "The path exists, but not with this method; `Allow` lists those it has.",
  },
  "Error.Request.TooLarge": { status: 413, meaning: "The request body is larger than the limit." },
  "Error.Request.UriTooLong": { status: 414, meaning: "The request URI is longer than the limit." },
  "Error.Request.UnsupportedMediaType": {
    status: 415,
    meaning: "The body's content type or encoding is not one that the operation takes.",
  },
  "Error.Request.HeadersTooLarge": { status: 431, meaning: "The request headers are larger than the limit." },
  "Error.Service.Unavailable": {
    status: 503,
    meaning: "The service is stopping, or its store or the token's issuer cannot be reached.",
  },
  "Error.Service.Busy": {
    status: 503,
    meaning: "As many invocations as allowed wait for clients' results.",
  },
  "Error.Service.Internal": {
    status: 500,
    meaning: "A fault of the service; the log has it under the same time.",
  },
} as const;

export type ApiErrorCode = keyof typeof table;

/**
 * Every error that a caller of the REST API can be answered with: `x-ms-error-code`, status and meaning.
 * The codes of the form `Level.Scope.Kind` are Azure's; the .NET SDK compares them exactly. docs/errors.md lists the same table.
 */
export const apiErrors: Readonly<
  Record<ApiErrorCode, { readonly status: number; readonly meaning: string }>
> = table;

/** The caller's fault, or a failure the caller is told about; `rest/problem.ts` makes the one answer of it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  /** The parameter, body member or resource that the error is about. */
  readonly target: string | undefined;

  /** @param message what is wrong, where, and what would be right; no secret, no payload */
  constructor(code: ApiErrorCode, message: string, target?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.target = target;
  }

  get status(): number {
    return apiErrors[this.code].status;
  }
}
