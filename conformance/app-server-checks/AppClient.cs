using System.Buffers.Text;
using System.Text.Json;
using Hubwire.Conformance.App;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Hubwire.Conformance.AppServers;

/// <summary>What a check wants of its client beyond the wire.</summary>
sealed record ClientOptions
{
    public TestUser? User { get; init; }
    public string Query { get; init; } = "";
    public Dictionary<string, string> Headers { get; init; } = [];
    public bool Reconnect { get; init; }
    public bool StatefulReconnect { get; init; }
    public IHubProtocol? Protocol { get; init; }
    public TimeSpan? ServerTimeout { get; init; }
    public TimeSpan? KeepAlive { get; init; }
    /// <summary>App servers to negotiate with in turn when the first is gone.</summary>
    public AppServer[] Fallback { get; init; } = [];
    /// <summary>Where to connect, if not by way of the app server.</summary>
    public (string Url, string Token)? Direct { get; init; }
    /// <summary>A proxy before the service (self-hosted: before the app server), to cut the client off.</summary>
    public CuttingProxy? Through { get; init; }
    /// <summary>Is told the answer of each negotiate.</summary>
    public Action<JsonElement>? Negotiated { get; init; }
}

/// <summary>A client of an app server, which listens to what its hubs send.</summary>
sealed class AppClient : TestClient
{
    AppClient(HubConnection connection) : base(connection) => (News, Numbers) = (Listen<string>("news"), Listen<int>("number"));

    public Inbox<string> News { get; }
    public Inbox<int> Numbers { get; }

    public static async Task<AppClient> Connect(AppServer server, Wire wire, string hub = "main", ClientOptions? options = null)
    {
        var client = Build(server, wire, hub, options);
        await client.Start(20);
        return client;
    }

    public static AppClient Build(AppServer server, Wire wire, string hub = "main", ClientOptions? given = null)
    {
        var options = given ?? new();
        var host = server.Target.SelfHosted && options.Through != null ? options.Through.Endpoint : server.Url;
        var query = options.Query.Length > 0 ? "?" + options.Query : "";
        var builder = new HubConnectionBuilder().WithUrl(options.Direct?.Url ?? $"{host}/{hub}{query}", http =>
        {
            http.Transports = wire.Transport;
            foreach (var (name, value) in options.Headers) http.Headers[name] = value;
            if ((options.Direct?.Token ?? options.User?.BearerToken()) is { } token) http.AccessTokenProvider = () => Task.FromResult<string?>(token);
            http.HttpMessageHandlerFactory = inner => Handlers(inner, server, options);
        });
        if (options.Protocol is { } protocol) builder.Services.AddSingleton(protocol);
        else if (wire.MessagePack) builder.AddMessagePackProtocol();
        if (options.Reconnect) builder.WithAutomaticReconnect([TimeSpan.Zero, .. Enumerable.Repeat(TimeSpan.FromSeconds(0.5), 60)]);
        if (options.StatefulReconnect) builder.WithStatefulReconnect();
        if (options.ServerTimeout is { } timeout) builder.WithServerTimeout(timeout);
        if (options.KeepAlive is { } interval) builder.WithKeepAliveInterval(interval);
        return new(builder.Build());
    }

    static HttpMessageHandler Handlers(HttpMessageHandler inner, AppServer server, ClientOptions options)
    {
        if (options.Fallback.Length > 0) inner = new Failover(inner, [server, .. options.Fallback]);
        if (options.Through is { } proxy && !server.Target.SelfHosted) inner = new Reroute(inner, proxy);
        if (options.Negotiated is { } negotiated) inner = new Eavesdropper(inner, negotiated);
        return inner;
    }
}

static class TestUserToken
{
    /// <summary>What the app server takes for a bearer token.</summary>
    public static string BearerToken(this TestUser user) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(user, JsonSerializerOptions.Web));
}
