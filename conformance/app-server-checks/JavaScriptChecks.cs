using System.Diagnostics;

namespace Hubwire.Conformance.AppServers;

/// <summary>@microsoft/signalr on Node by way of the app server.</summary>
/// <param name="command">Runs javascript-client.ts.</param>
sealed class JavaScriptChecks(AppServer server, string[] command)
{
    public IEnumerable<Check> All => Wire.All.Select(wire => new Check($"{wire}", () => Run(wire)));

    async Task Run(Wire wire)
    {
        string[] arguments = [.. command[1..], server.Url, $"{wire.Transport}", wire.MessagePack ? "messagepack" : "json"];
        using var process = Process.Start(new ProcessStartInfo(command[0], arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try { await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(50)); }
        catch (TimeoutException) { process.Kill(); }
        Expect.True(process.ExitCode == 0, $"exit code {process.ExitCode}: {await output} {await error}");
    }
}
