const SKEW_SECONDS = 300;
const LAST_DOTNET_SECOND = 253_402_300_799;

/**
 * What is wrong with the times of a token, if anything, in the words of ASP.NET Core's JwtBearer, which checks them in this
 * order and like this lets clocks differ by 5 minutes.
 */
export function lifetimeProblem(
  { nbf, exp }: Readonly<Record<string, unknown>>,
  nowSeconds: number,
): string | undefined {
  if (typeof exp !== "number") return "The token has no expiration";
  if (typeof nbf === "number" && nbf > exp)
    return `The token lifetime is invalid; NotBefore: '${dotnetTime(nbf)}', Expires: '${dotnetTime(exp)}'`;
  if (typeof nbf === "number" && nbf > nowSeconds + SKEW_SECONDS)
    return `The token is not valid before '${dotnetTime(nbf)}'`;
  if (exp < nowSeconds - SKEW_SECONDS) return `The token expired at '${dotnetTime(exp)}'`;
  return undefined;
}

/** `MM/dd/yyyy HH:mm:ss` in UTC: a .NET `DateTime` in the invariant culture, within the years that it and `Date` have. */
function dotnetTime(seconds: number): string {
  const inRange = Math.min(Math.max(seconds, 0), LAST_DOTNET_SECOND);
  const [date = "", time = ""] = new Date(inRange * 1000).toISOString().split(/[T.]/);
  const [year, month, day] = date.split("-");
  return `${month}/${day}/${year} ${time}`;
}
