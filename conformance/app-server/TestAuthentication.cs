using System.Buffers.Text;
using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Options;

namespace Hubwire.Conformance.App;

/// <summary>Believes what a client says of itself: a <see cref="TestUser"/> as base64url JSON in the bearer token, unsigned. For tests only.</summary>
public sealed class TestAuthentication(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "Test";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    AuthenticateResult Authenticate()
    {
        var header = Request.Headers.Authorization.ToString();
        var token = header.StartsWith("Bearer ") ? header["Bearer ".Length..] : Request.Query["access_token"].ToString();
        if (token.Length == 0) return AuthenticateResult.NoResult();
        if (Read(token) is not { } user) return AuthenticateResult.Fail("not a test token");
        var properties = new AuthenticationProperties();
        if (user.ExpiresInSeconds is { } seconds) properties.ExpiresUtc = DateTimeOffset.UtcNow.AddSeconds(seconds);
        return AuthenticateResult.Success(new(new ClaimsPrincipal(user.ShortNames ? ShortNames(user) : LongNames(user)), properties, SchemeName));
    }

    static TestUser? Read(string token)
    {
        try { return JsonSerializer.Deserialize<TestUser>(Base64Url.DecodeFromChars(token), JsonSerializerOptions.Web); }
        catch (Exception error) when (error is JsonException or FormatException) { return null; }
    }

    static ClaimsIdentity LongNames(TestUser user)
    {
        var claims = new List<Claim> { new(ClaimTypes.NameIdentifier, user.Name), new(ClaimTypes.Name, "Name of " + user.Name), new(ClaimTypes.Email, user.Name + "@example.org") };
        claims.AddRange((user.Roles ?? []).Select(role => new Claim(ClaimTypes.Role, role)));
        claims.AddRange((user.Claims ?? []).Select(claim => new Claim(claim.Key, claim.Value)));
        return new(claims, SchemeName);
    }

    /// <summary>As with MapInboundClaims = false: the names of OpenID Connect, and an identity that looks for them.</summary>
    static ClaimsIdentity ShortNames(TestUser user)
    {
        var claims = new List<Claim> { new("sub", user.Name), new("name", "Name of " + user.Name), new("email", user.Name + "@example.org") };
        claims.AddRange((user.Roles ?? []).Select(role => new Claim("role", role)));
        return new(claims, SchemeName, "name", "role");
    }
}

/// <summary>Not the name identifier as such, so that only <c>asrs.s.uid</c> can bring the right id through the service.</summary>
public sealed class TestUserIds : IUserIdProvider
{
    public string? GetUserId(HubConnectionContext connection) =>
        (connection.User.FindFirst(ClaimTypes.NameIdentifier) ?? connection.User.FindFirst("sub"))?.Value is { } name ? "uid:" + name : null;
}
