namespace Hubwire.Conformance.AppServers;

/// <summary>A Hubwire of its own, which may be killed and started again on the same port.</summary>
sealed class HubwireProcess : IAsyncDisposable
{
    const string AccessKey = "conformance-access-key-of-more-than-thirty-two-characters";
    static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    readonly Target target;
    readonly string name;
    readonly int port = AppServer.FreePort();
    readonly string dataFolder = Directory.CreateTempSubdirectory("hubwire-conformance").FullName;
    LoggedProcess process;

    HubwireProcess(Target target, string name)
    {
        (this.target, this.name) = (target, name);
        process = Run();
    }

    public string Url => $"http://localhost:{port}";
    public string ConnectionString => $"Endpoint=http://localhost;Port={port};AccessKey={AccessKey};Version=1.0;";

    public static async Task<HubwireProcess> Start(Target target, string name)
    {
        var hubwire = new HubwireProcess(target, name);
        try
        {
            await hubwire.IsReady();
            return hubwire;
        }
        catch
        {
            await hubwire.DisposeAsync();
            throw;
        }
    }

    /// <summary>As kill -9 does: without a goodbye.</summary>
    public void Kill() => process.Kill();

    public void Terminate() => process.Terminate();

    public Task Exits(double seconds) => process.Exits(seconds);

    /// <summary>Starts again after its end.</summary>
    public async Task StartAgain()
    {
        await process.DisposeAsync();
        process = Run();
        await IsReady();
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        Directory.Delete(dataFolder, recursive: true);
    }

    LoggedProcess Run() => LoggedProcess.Start(target, name, [.. target.HubwireCommand, "--port", $"{port}", "--access-key", AccessKey, "--data-dir", dataFolder]);

    Task IsReady() => Expect.Comes(async () =>
    {
        try { return (await Http.GetAsync($"{Url}/api/health")).IsSuccessStatusCode; }
        catch (HttpRequestException) { return false; }
    }, $"Hubwire is up, see {process.LogFile}", 20);
}
