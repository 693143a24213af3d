using System.Security.Claims;
using Microsoft.AspNetCore.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>What the driver asks of this process over HTTP: facts, and all that is done from outside a hub.</summary>
static class Doors
{
    public static void MapDoors(this WebApplication app, Settings settings)
    {
        app.MapGet("/events", (Events events) => events.All);
        app.MapGet("/numbers", (Events events, string series) => events.Numbers(series));
        app.MapPost("/stop", (IHostApplicationLifetime lifetime) => { _ = Task.Run(lifetime.StopApplication); });
        MapSends(app);
        MapQuestions(app);
        if (!settings.SelfHosted) MapInternals(app);
    }

    static void MapSends(WebApplication app)
    {
        app.MapPost("/send", (IHubContext<MainHub> hub, string to, string text, string? ids, string? except) =>
            Audience(hub.Clients, to, Split(ids), Split(except)).SendAsync("news", text));
        app.MapPost("/flood", async (IHubContext<MainHub> hub, string group, int n, int ms) =>
        {
            for (var i = 0; i < n; i++)
            {
                await hub.Clients.Group(group).SendAsync("number", i);
                if (ms > 0) await Task.Delay(ms);
            }
        });
        app.MapPost("/big", (IHubContext<MainHub> hub, string id, string mark, int length) => hub.Clients.Client(id).SendAsync("news", mark + new string('y', length)));
        app.MapPost("/join", (IHubContext<MainHub> hub, string id, string group) => hub.Groups.AddToGroupAsync(id, group));
        app.MapPost("/leave", (IHubContext<MainHub> hub, string id, string group) => hub.Groups.RemoveFromGroupAsync(id, group));
    }

    static void MapQuestions(WebApplication app)
    {
        app.MapPost("/ask", (IHubContext<ResultsHub> hub, string id, string question) =>
            Asking.Outcome(() => hub.Clients.Client(id).InvokeAsync<string>("ask", question, default)));
        app.MapPost("/ask-typed", (IHubContext<TypedHub, ITypedClient> hub, string id, string question) =>
            Asking.Outcome(() => hub.Clients.Client(id).Ask(question)));
        app.MapPost("/ask-int", (IHubContext<ResultsHub> hub, string id, string method) =>
            Asking.Outcome(() => hub.Clients.Client(id).InvokeAsync<int>(method, "x", default)));
        app.MapPost("/ask-many", (IHubContext<ResultsHub> hub, string id, int n) =>
            Task.WhenAll(Enumerable.Range(0, n).Select(i => hub.Clients.Client(id).InvokeAsync<string>("ask", "q" + i, default))));
        app.MapPost("/ask-shape", (IHubContext<ResultsHub> hub, string id, Shape shape) => hub.Clients.Client(id).InvokeAsync<Shape>("askShape", shape, default));
    }

    static void MapInternals(WebApplication app)
    {
        var sdk = new SdkInternals(app.Services);
        app.MapPost("/renew", (string token, string? claim) => sdk.RenewClaims(token, [.. Split(claim).Select(one => new Claim("renewed", one))]));
        app.MapPost("/claims", (string token) => sdk.ClaimsOf(token));
        app.MapPost("/members", (string group, int? top, int pageSize) => sdk.MembersOf(group, top, pageSize));
    }

    static string[] Split(string? list) => (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);

    static IClientProxy Audience(IHubClients clients, string to, string[] ids, string[] except) => to switch
    {
        "all" => clients.All,
        "allexcept" => clients.AllExcept(except),
        "client" => clients.Client(ids[0]),
        "clients" => clients.Clients(ids),
        "group" => clients.Group(ids[0]),
        "groups" => clients.Groups(ids),
        "groupexcept" => clients.GroupExcept(ids[0], except),
        "user" => clients.User(ids[0]),
        "users" => clients.Users(ids),
        _ => throw new BadHttpRequestException(to),
    };
}
