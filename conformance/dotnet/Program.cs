// Runs the .NET SignalR client against a running Hubwire. See README.md.
using Hubwire.Conformance;

string? Option(string name)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
}

if (Option("--endpoint") is not { } endpoint || Option("--access-key") is not { } accessKey)
{
    Console.Error.WriteLine("usage: hubwire-conformance --endpoint http://localhost:8888 --access-key KEY");
    return 2;
}

var service = new Service(endpoint, accessKey);
var report = new Report(wants: _ => true);
foreach (var wire in Wire.All) await report.Run($"{wire}", new Checks(service, wire).All);
foreach (var messagePack in new[] { false, true })
    await report.Run(messagePack ? "WebSockets/messagepack" : "WebSockets/json", new WebSocketChecks(service, messagePack).All);
return report.Summary();
