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
var suites = Wire.All.Select(wire => (Name: wire.ToString(), new Checks(service, wire).All))
    .Append(("WebSockets/json", new WebSocketChecks(service, messagePack: false).All))
    .Append(("WebSockets/messagepack", new WebSocketChecks(service, messagePack: true).All));
var (passed, failed) = (0, 0);
foreach (var (suite, checks) in suites)
{
    foreach (var check in checks)
    {
        var name = $"{suite}: {check.Name}";
        try
        {
            await check.Run($"conformance{passed + failed}").WaitAsync(TimeSpan.FromSeconds(60));
            passed++;
            Console.WriteLine($"ok   {name}");
        }
        catch (Exception error)
        {
            failed++;
            Console.WriteLine($"FAIL {name}: {OneLine(error)}");
        }
    }
}
Console.WriteLine($"{passed} passed, {failed} failed");
return failed == 0 ? 0 : 1;

static string OneLine(Exception error) =>
    (error is CheckFailed ? error.Message : $"{error.GetType().Name}: {error.Message}").ReplaceLineEndings(" ");
