namespace Hubwire.Conformance.App;

/// <summary>The command line.</summary>
public sealed class Settings(string[] args)
{
    public int Port => int.Parse(Value("--port") ?? "5080");
    /// <summary>Of the service; several are several endpoints.</summary>
    public string[] ConnectionStrings => Values("--connection-string");
    /// <summary>ASP.NET Core's own SignalR instead of the service.</summary>
    public bool SelfHosted => args.Contains("--self-hosted");
    public int Connections => int.Parse(Value("--connections") ?? "2");
    /// <summary>Off, WaitForClientsClose or MigrateClients.</summary>
    public string Shutdown => Value("--shutdown") ?? "Off";
    public int ShutdownSeconds => int.Parse(Value("--shutdown-timeout") ?? "30");
    /// <summary>Disabled, Preferred or Required.</summary>
    public string Sticky => Value("--sticky") ?? "Disabled";
    /// <summary>Who allows stateful reconnects: the "service" for all, or the "hubs" /main and /results for themselves.</summary>
    public string? StatefulReconnects => Value("--stateful-reconnects");
    public string? ApplicationName => Value("--app-name");
    /// <summary>What the hubs say who they are, and the start of the name that the SDK tells the service.</summary>
    public string Name => Value("--server-name") ?? "server";
    public bool DetailedErrors => args.Contains("--detailed-errors");
    /// <summary>A page with a Blazor Server component.</summary>
    public bool Blazor => args.Contains("--blazor");
    public string LogLevel => Value("--log-level") ?? "Warning";
    public string Algorithm => Value("--algorithm") ?? "HS256";
    public int? MaxPollSeconds => Value("--max-poll") is { } text ? int.Parse(text) : null;
    /// <summary>Claims, a transport and diagnostic clients by the callbacks of <c>ServiceOptions</c>.</summary>
    public bool Callbacks => args.Contains("--callbacks");
    /// <summary>The process that this one must not outlive.</summary>
    public int? Parent => Value("--parent") is { } text ? int.Parse(text) : null;

    string? Value(string name) => Values(name).FirstOrDefault();

    string[] Values(string name) => [.. args.Index().Where(arg => arg.Item == name && arg.Index + 1 < args.Length).Select(arg => args[arg.Index + 1])];
}
