using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Azure.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>What most checks call: its life and who is connected here, the rest in the files beside it.</summary>
public partial class MainHub(Settings settings, Events events) : Hub
{
    public override async Task OnConnectedAsync()
    {
        events.Add($"connected {GetType().Name} {Context.ConnectionId} migration={Migration()}");
        var wish = Context.GetHttpContext()?.Request.Query["onconnected"].ToString();
        if (wish == "throw") throw new InvalidOperationException("not today");
        if (wish == "abort") Context.Abort();
        if (wish == "greet")
        {
            await Groups.AddToGroupAsync(Context.ConnectionId, "greeted");
            await Clients.Caller.SendAsync("news", "hello " + Context.ConnectionId);
            await Clients.Client(Context.ConnectionId).SendAsync("news", "to your id");
            await Clients.Group("greeted").SendAsync("news", "group " + Context.ConnectionId);
        }
        await base.OnConnectedAsync();
    }

    public override async Task OnDisconnectedAsync(Exception? exception)
    {
        events.Add($"disconnected {GetType().Name} {Context.ConnectionId} exception={exception?.GetType().Name} migration={Migration()}");
        if (Context.Items.TryGetValue("farewell", out var group))
            await Clients.Group((string)group!).SendAsync("news", "farewell " + Context.ConnectionId);
        if (Context.Items.ContainsKey("throw on disconnect")) throw new InvalidOperationException("thrown in OnDisconnectedAsync");
        await base.OnDisconnectedAsync(exception);
    }

    public string Server() => settings.Name;

    public WhoIs Who() => new()
    {
        Server = settings.Name, ConnectionId = Context.ConnectionId, UserId = Context.UserIdentifier, Name = Context.User?.Identity?.Name,
        AuthenticationType = Context.User?.Identity?.AuthenticationType, IsAuthenticated = Context.User?.Identity?.IsAuthenticated ?? false,
        IsAdmin = Context.User?.IsInRole("admin") ?? false, Claims = Context.User?.Claims.Select(c => c.Type + "=" + c.Value).ToArray(),
    };

    public HttpSeen Http()
    {
        var http = Context.GetHttpContext();
        return http == null ? new() : new()
        {
            Present = true, Path = http.Request.Path, QueryString = http.Request.QueryString.Value,
            Query = http.Request.Query.ToDictionary(q => q.Key, q => q.Value.ToString()),
            Headers = http.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()),
            RemoteIp = http.Connection.RemoteIpAddress?.ToString(), UserName = http.User?.Identity?.Name,
        };
    }

    /// <summary>The claims as they are now, which the SDK may have renewed; <see cref="HubCallerContext.User"/> stays what it was.</summary>
    public string[] RenewedClaims() => [.. Context.Features.Get<IConnectionUserFeature>()?.User?.Claims.Select(c => c.Type + "=" + c.Value) ?? []];

    /// <summary>What the SDK counted of this client.</summary>
    public long ReceivedBytes() => Context.Features.Get<IConnectionStatFeature>()?.ReceivedBytes ?? -1;

    string Migration() => Context.Features.Get<IConnectionMigrationFeature>() is { } migration ? $"{migration.MigrateFrom}>{migration.MigrateTo}" : "none";
}
