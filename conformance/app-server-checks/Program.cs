// Runs app servers with the real SDK, and real clients, against a running Hubwire. See README.md.
using Hubwire.Conformance;
using Hubwire.Conformance.AppServers;

string? Option(string name)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
}

var connectionString = Option("--connection-string");
if (Option("--app-server") is not { } appServer || (connectionString == null) == !args.Contains("--self-hosted"))
{
    Console.Error.WriteLine($"usage: app-server-checks --app-server DLL (--connection-string TEXT | --self-hosted) [--hubwire COMMAND] [--node NODE]");
    Console.Error.WriteLine($"  [--short] [--parts {string.Join(',', Suites.Parts)}] [--wires {string.Join(',', Wire.All.AsEnumerable())}]");
    Console.Error.WriteLine("  [--only TEXT|TEXT] [--at-once 2] [--logs FOLDER] [--log-level Warning]");
    return 2;
}

var suites = new Suites
{
    Target = new()
    {
        AppServerDll = appServer,
        ConnectionString = connectionString,
        HubwireCommand = Option("--hubwire")?.Split(' ') ?? [],
        Logs = Option("--logs") ?? Path.Combine(Path.GetTempPath(), "hubwire-conformance-logs"),
        LogLevel = Option("--log-level") ?? "Warning",
    },
    Node = Option("--node"),
    Wires = Option("--wires") is { } names ? [.. Wire.All.Where(wire => names.Split(',').Contains($"{wire}"))] : Wire.All,
    IsShort = args.Contains("--short"),
};
var only = Option("--only")?.Split('|');
var report = new Report(name => only == null || only.Any(text => name.Contains(text, StringComparison.OrdinalIgnoreCase)));
var parts = Option("--parts")?.Split(',') ?? Suites.Parts;
var start = DateTime.UtcNow;
ThreadPool.SetMinThreads(64, 64);
await suites.Run(report, parts, atOnce: int.Parse(Option("--at-once") ?? "2"));
Console.WriteLine($"{(DateTime.UtcNow - start).TotalSeconds:0} s; app servers' logs are in {suites.Target.Logs}");
return report.Summary();
