using System.Security.Claims;
using Hubwire.Conformance.App;

namespace Hubwire.Conformance.AppServers;

/// <summary>What the hub knows of its client, and whom it lets in.</summary>
sealed class ContextChecks(AppServer server, Wire wire) : WireChecks(server, wire)
{
    public override IEnumerable<Check> All =>
    [
        new("context: path, query, headers, remote address", Http),
        new("context: user id, name, roles, every claim", Who),
        new("context: an app with short claim names (sub, name, email, role)", WhoShort),
        new("context: an anonymous client", Anonymous),
        new("authorization: hub, role and policy", Secure),
        new("authorization: closes when the authentication expires", Expires),
    ];

    async Task Http()
    {
        await using var client = await Connect("main", new()
        {
            Query = "room=a%20b%26c&flag&two=1&two=2&u=%C5%BE", User = new("heidi"), Headers = new() { ["X-Check"] = "a header, with comma", ["User-Agent"] = "checks/1.0" },
        });
        var seen = await client.Call<HttpSeen>("Http");
        Expect.True(seen.Present && seen.Query != null && seen.Headers != null, "there is no HttpContext");
        Expect.Equal("/main", seen.Path, "the path");
        Expect.Equal("a b&c", Of(seen.Query, "room"), "the query value room");
        Expect.Equal("", Of(seen.Query, "flag"), "the query value flag");
        Expect.Equal("1,2", Of(seen.Query, "two"), "the query value two");
        Expect.Equal("ž", Of(seen.Query, "u"), "the query value u");
        Expect.Equal("a header, with comma", Of(seen.Headers, "x-check"), "the client's own header");
        Expect.Equal("checks/1.0", Of(seen.Headers, "user-agent"), "the user agent");
        Expect.True(seen.RemoteIp is "127.0.0.1" or "::1" or "::ffff:127.0.0.1", $"the remote address: {seen.RemoteIp}");
        Expect.Equal("Name of heidi", seen.UserName, "the user of the HttpContext");
        if (!Server.Target.SelfHosted) Expect.True(Of(seen.Query, "access_token") == null, "the query holds the access token");
        await using var deep = await Connect("deep/er/secure", new() { User = new("heidi") });
        Expect.Equal("/deep/er/secure", (await deep.Call<HttpSeen>("Http")).Path, "the path of a deep hub");
    }

    static string? Of(Dictionary<string, string>? values, string name) => values?.GetValueOrDefault(name);

    async Task Who()
    {
        var claims = new Dictionary<string, string>
        {
            ["tenant"] = "blue", ["http://example.org/claims/ž"] = "uni 🐎 code", ["iss"] = "mine", ["nonce"] = "42", ["sub"] = "subject", ["jti"] = "j", ["empty"] = "",
            [ClaimTypes.Country] = "CZ", [ClaimTypes.GivenName] = "Ida", ["scope"] = "a b", [ClaimTypes.Upn] = "ida@example.org", ["number"] = "12", ["json"] = """{"a":[1]}""", ["true"] = "true",
        };
        await using var client = await Connect(options: new() { User = new("ida", ["admin", "editor"], claims) });
        var who = await client.Call<WhoIs>("Who");
        Expect.Equal("uid:ida", who.UserId, "the user id");
        Expect.Equal(client.Id, who.ConnectionId, "the connection id");
        Expect.Equal("Name of ida", who.Name, "the name");
        Expect.Equal("Test", who.AuthenticationType, "the authentication type");
        Expect.True(who.IsAuthenticated && who.IsAdmin, "is authenticated and an admin");
        var expected = claims.Select(c => $"{c.Key}={c.Value}").Concat([$"{ClaimTypes.NameIdentifier}=ida", $"{ClaimTypes.Name}=Name of ida", $"{ClaimTypes.Email}=ida@example.org", $"{ClaimTypes.Role}=admin", $"{ClaimTypes.Role}=editor"]);
        var (missing, extra) = (expected.Except(who.Claims!).ToArray(), who.Claims!.Except(expected).ToArray());
        if (!Server.Target.SelfHosted) AllowShortNames(ref missing, ref extra, who.Claims!);
        Expect.True(missing.Length == 0 && extra.Length == 0, $"claims missing: [{string.Join("; ", missing)}], too many: [{string.Join("; ", extra)}]");
    }

    /// <summary>Through the service a claim may come under its short name as well, and "sub" as a second name identifier, as Azure gives them.</summary>
    static void AllowShortNames(ref string[] missing, ref string[] extra, string[] all)
    {
        const string subject = ClaimTypes.NameIdentifier + "=subject";
        string[] shortNames = ["nameid", "unique_name", "email", "role", "given_name", "upn", "sub"];
        missing = [.. missing.Where(claim => claim != "sub=subject" || !all.Contains(subject))];
        extra = [.. extra.Where(claim => claim != subject && !shortNames.Contains(claim.Split('=')[0]))];
    }

    async Task WhoShort()
    {
        await using var client = await Connect(options: new() { User = new("lea", ["admin", "editor"], ShortNames: true) });
        var who = await client.Call<WhoIs>("Who");
        Expect.Equal("uid:lea", who.UserId, "the user id");
        Expect.Equal("Name of lea", who.Name, "the name");
        Expect.True(who.IsAdmin, $"is in a role by the short name; claims: {string.Join("; ", who.Claims!)}");
        foreach (var claim in new[] { "sub=lea", "name=Name of lea", "email=lea@example.org", "role=admin", "role=editor" })
            Expect.True(who.Claims!.Contains(claim), $"the claim {claim} is missing: {string.Join("; ", who.Claims!)}");
    }

    async Task Anonymous()
    {
        await using var client = await Connect();
        var who = await client.Call<WhoIs>("Who");
        Expect.Equal(null, who.UserId, "the user id");
        Expect.True(!who.IsAuthenticated, "is not authenticated");
        Expect.Equal(0, who.Claims!.Length, "claims");
    }

    async Task Secure()
    {
        await using (var nobody = AppClient.Build(Server, Wire, "deep/er/secure", new()))
        {
            var refused = await Expect.Fails(nobody.Connection.StartAsync(), "the start of an anonymous client");
            Expect.True(refused.Message.Contains("401"), $"the refusal: {refused.Message}");
        }
        await using var admin = await Connect("deep/er/secure", new() { User = new("root", ["admin"], new() { ["tenant"] = "blue" }) });
        await using var user = await Connect("deep/er/secure", new() { User = new("joe", ["writer"], new() { ["tenant"] = "red" }) });
        Expect.Equal("admin uid:root", await admin.Call<string>("ForAdmins"), "for admins");
        Expect.Equal("tenant blue", await admin.Call<string>("ForTenants"), "for tenants");
        Expect.Equal("all uid:joe", await user.Call<string>("ForAll"), "for all");
        foreach (var method in new[] { "ForAdmins", "ForTenants" })
            Expect.True((await Expect.Fails(user.Call<string>(method), method)).Message.Contains("unauthorized"), $"{method} is refused");
    }

    async Task Expires()
    {
        await using var client = await Connect("expiring", new() { User = new("kim", ExpiresInSeconds: 4) });
        Expect.Equal("ok", await client.Call<string>("Echo", "ok"), "a call before");
        await client.Closed(20);
    }
}
