using System.Diagnostics;

namespace Hubwire.Conformance.AppServers;

/// <summary>@microsoft/signalr on Node by way of the app server.</summary>
/// <param name="node">The program that runs TypeScript; without it there are no checks.</param>
sealed class JavaScriptChecks(AppServer server, string? node)
{
    public IEnumerable<Check> All => node == null ? [] : Wire.All.Select(wire => new Check($"{wire}", () => Run(node, "javascript-client.ts", wire)));

    public IEnumerable<Check> Stateful(Wire wire) =>
        node == null ? [] : [new("JavaScript: large messages and uploads go whole, cut in their midst", () => Run(node, "javascript-stateful-client.ts", wire))];

    async Task Run(string program, string script, Wire wire)
    {
        string[] arguments = [Path.Combine(Folder, script), server.Url, $"{wire.Transport}", wire.MessagePack ? "messagepack" : "json"];
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try { await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(55)); }
        catch (TimeoutException) { process.Kill(); }
        Expect.True(process.ExitCode == 0, $"exit code {process.ExitCode}: {await output} {await error}");
    }

    /// <summary>Beside this file, wherever the program was built to: ./bin/Release/net10.0.</summary>
    static string Folder => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", ".."));
}
