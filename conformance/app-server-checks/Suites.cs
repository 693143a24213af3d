namespace Hubwire.Conformance.AppServers;

/// <summary>All suites of checks, with the app servers that they need.</summary>
sealed class Suites
{
    public static readonly string[] Parts = ["one", "two", "stateful", "newer", "sticky", "options", "shutdown", "restart", "blazor", "javascript", "slow"];

    public required Target Target { get; init; }
    /// <summary>What runs TypeScript, and the folder of the programs for it; no program is run without.</summary>
    public required string? Node { get; init; }
    public required Wire[] Wires { get; init; }
    /// <summary>Only the wires that differ most where every check starts its app servers, and nothing that waits for minutes.</summary>
    public required bool IsShort { get; init; }

    /// <summary>Runs the suites of <paramref name="parts"/>, some at once: each has an application name of its own.</summary>
    public Task Run(Report report, string[] parts, int atOnce)
    {
        var all = parts.SelectMany(SuitesOf).Select((run, i) => (Run: run, Target: i == 0 ? Target : Target with { ApplicationName = $"suite{i}" }));
        var options = new ParallelOptions { MaxDegreeOfParallelism = atOnce };
        return Parallel.ForEachAsync(all, options, async (suite, _) => await suite.Run(report, suite.Target));
    }

    IEnumerable<Func<Report, Target, Task>> SuitesOf(string part) => part switch
    {
        "one" => Wires.Select<Wire, Func<Report, Target, Task>>(wire => (report, target) => One(report, target, wire)),
        "two" => Wires.Select<Wire, Func<Report, Target, Task>>(wire => (report, target) => Two(report, target, wire)),
        "shutdown" => ShutdownWires.Select<Wire, Func<Report, Target, Task>>(wire => (report, target) => report.Run($"shutdown {wire}", ChecksOf(new ShutdownChecks(target, wire)))),
        "blazor" => [Blazor],
        "javascript" when Node != null => [JavaScript],
        "stateful" => [Stateful],
        "slow" when !IsShort => [Slow],
        "newer" when !Target.SelfHosted => [Newer],
        "sticky" when !Target.SelfHosted => [(report, target) => report.Run("sticky", new StickyChecks(target).All)],
        "options" when !Target.SelfHosted => [(report, target) => report.Run("options", new OptionChecks(target).All)],
        "restart" when Target.HubwireCommand.Length > 0 => [(report, target) => report.Run("restart", new RestartChecks(target).All)],
        _ => [],
    };

    IEnumerable<Wire> ShutdownWires => IsShort ? Wires.Where(wire => wire == Wire.WebSocketsJson || wire == Wire.All[^1]) : Wires;

    IEnumerable<Check> ChecksOf(ShutdownChecks checks) => Target.SelfHosted ? checks.SelfHosted : checks.All;

    static async Task One(Report report, Target target, Wire wire)
    {
        await using var server = await target.Start("one");
        WireChecks[] all = [new CallChecks(server, wire), new StreamChecks(server, wire), new SendChecks(server, wire), new LifetimeChecks(server, wire), new ContextChecks(server, wire), new ResultChecks(server, wire), new LargeMessageChecks(server, wire)];
        await report.Run($"{wire}", all.SelectMany(checks => checks.All));
    }

    /// <summary>Self-hosted app servers know nothing of each other: there, one plays both.</summary>
    static async Task Two(Report report, Target target, Wire wire)
    {
        await using var a = await target.Start("A", "--sticky", "Preferred");
        await using var b = await target.Start("B", "--sticky", "Preferred");
        var other = target.SelfHosted ? a : b;
        await report.Run($"two app servers {wire}", [.. new TwoServerChecks(a, other, wire).All, .. new TwoServerResultChecks(a, other, wire).All]);
    }

    async Task Stateful(Report report, Target target)
    {
        await using (var server = await target.Start("stateful", "--stateful-reconnects", target.SelfHosted ? "hubs" : "service", "--connections", "1"))
            foreach (var wire in new[] { Wire.WebSocketsJson, Wire.WebSocketsMessagePack })
                await report.Run($"stateful reconnect {wire}", [.. new StatefulReconnectChecks(server, wire).All, .. new JavaScriptChecks(server, Node).Stateful(wire)]);
        if (!target.SelfHosted) await report.Run("stateful reconnect", new StatefulReconnectOptionChecks(target).All);
    }

    async Task Newer(Report report, Target target)
    {
        await using var server = await target.Start("newer");
        foreach (var wire in Wires) await report.Run($"newer messages {wire}", new NewerMessageChecks(server, wire).All);
    }

    async Task JavaScript(Report report, Target target)
    {
        await using var server = await target.Start("javascript");
        await report.Run("JavaScript", new JavaScriptChecks(server, Node).All);
    }

    static async Task Blazor(Report report, Target target)
    {
        await using var server = await target.Start("blazor", "--blazor");
        await report.Run("Blazor", new BlazorChecks(server).All);
    }

    static async Task Slow(Report report, Target target)
    {
        await using var server = await target.Start("slow");
        await report.Run("slow", new SlowChecks(server).All);
    }
}
