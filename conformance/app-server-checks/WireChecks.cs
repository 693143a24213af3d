using System.Text.Json;

namespace Hubwire.Conformance.AppServers;

/// <summary>Checks of one wire with one app server.</summary>
abstract class WireChecks(AppServer server, Wire wire)
{
    protected AppServer Server => server;
    protected Wire Wire => wire;
    public abstract IEnumerable<Check> All { get; }

    protected Task<AppClient> Connect(string hub = "main", ClientOptions? options = null) => AppClient.Connect(server, wire, hub, options);

    /// <summary>A name that nobody else uses: the hubs are shared by all checks.</summary>
    protected static string Some(string what) => what + "-" + Guid.NewGuid().ToString("N")[..8];

    protected static string Json(object? value) => JsonSerializer.Serialize(value);
}
