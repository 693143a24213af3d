using System.Security.Claims;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Azure.SignalR;

namespace Hubwire.Conformance.App;

/// <summary>How this app server uses the service.</summary>
static class Service
{
    public static void Configure(ServiceOptions azure, Settings settings)
    {
        azure.Endpoints = [.. settings.ConnectionStrings.Select((text, i) => new ServiceEndpoint(text, EndpointType.Primary, "endpoint" + i))];
        azure.InitialHubServerConnectionCount = settings.Connections;
        azure.ServerStickyMode = Enum.Parse<ServerStickyMode>(settings.Sticky);
        azure.AccessTokenAlgorithm = Enum.Parse<AccessTokenAlgorithm>(settings.Algorithm);
        azure.MaxPollIntervalInSeconds = settings.MaxPollSeconds;
        azure.GracefulShutdown.Mode = Enum.Parse<GracefulShutdownMode>(settings.Shutdown);
        azure.GracefulShutdown.Timeout = TimeSpan.FromSeconds(settings.ShutdownSeconds);
        azure.GracefulShutdown.Add<MainHub>(hub => hub.Clients.All.SendAsync("goodbye", settings.Name));
        if (settings.ApplicationName != null) azure.ApplicationName = settings.ApplicationName;
        if (settings.StatefulReconnects == "service") azure.AllowStatefulReconnects = true;
        if (settings.Callbacks) AddCallbacks(azure);
    }

    static void AddCallbacks(ServiceOptions azure)
    {
        azure.AccessTokenLifetime = TimeSpan.FromMinutes(5);
        azure.ClaimsProvider = http => [new Claim("from", "the claims provider"), new Claim("path", http.Request.Path)];
        azure.TransportTypeDetector = _ => HttpTransportType.LongPolling;
        azure.DiagnosticClientFilter = http => http.Request.Query.ContainsKey("diagnostic");
    }
}

/// <summary>A new name for each start, as an app server that starts again is another one.</summary>
sealed class ServerName(string name) : IServerNameProvider
{
    readonly string full = $"{name}_{Guid.NewGuid():N}";

    public string GetName() => full;
}
