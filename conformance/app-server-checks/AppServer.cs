using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Hubwire.Conformance.App;

namespace Hubwire.Conformance.AppServers;

/// <summary>A process of the app server in ../app-server.</summary>
sealed class AppServer : IAsyncDisposable
{
    static readonly string[] Hubs = ["main", "detailed", "deep/er/secure", "results", "typed", "expiring"];
    static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(30) };

    readonly LoggedProcess process;

    AppServer(Target target, string name, int port, LoggedProcess process)
    {
        (Target, Name, Url) = (target, name, $"http://127.0.0.1:{port}");
        this.process = process;
    }

    public Target Target { get; }
    public string Name { get; }
    public string Url { get; }
    public bool HasExited => process.HasExited;

    public static async Task<AppServer> Start(Target target, string name, string[] arguments)
    {
        var port = FreePort();
        List<string> all = [target.AppServerDll, "--port", $"{port}", "--server-name", name, "--parent", $"{Environment.ProcessId}", "--log-level", target.LogLevel, .. arguments];
        all.AddRange(target.ConnectionString is { } text ? ["--connection-string", text] : ["--self-hosted"]);
        // Of an option that is given twice, the first counts.
        if (target.ApplicationName is { } app) all.AddRange(["--app-name", app]);
        var server = new AppServer(target, name, port, LoggedProcess.Start(target, name, ["dotnet", .. all]));
        try
        {
            await Expect.Comes(() => server.IsReady(arguments.Contains("--blazor")), $"app server {name} is up and connected, see {server.process.LogFile}", 30);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public Task<string> Get(string path) => Http.GetStringAsync(Url + path);

    /// <summary>What happened there until now.</summary>
    public async Task<string[]> Events() => (await Http.GetFromJsonAsync<string[]>(Url + "/events"))!;

    /// <summary>The numbers of a series, in order of arrival.</summary>
    public async Task<int[]> Numbers(string series) => (await Http.GetFromJsonAsync<int[]>($"{Url}/numbers?series={series}"))!;

    public async Task<string> Post(string path, object? body = null)
    {
        using var response = await Http.PostAsync(Url + path, body == null ? null : JsonContent.Create(body));
        var text = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode)
            throw new CheckFailed($"POST {path.Split('?')[0]} of {Name} was answered with {(int)response.StatusCode}: {text.Split('\n')[0]}");
        return text;
    }

    /// <summary>Sends by IHubContext.</summary>
    public Task Send(string to, string text, string ids = "", string except = "") =>
        Post($"/send?to={to}&text={Uri.EscapeDataString(text)}&ids={Uri.EscapeDataString(ids)}&except={Uri.EscapeDataString(except)}");

    /// <summary>Waits until something happened there.</summary>
    public Task Event(string start, string what, double seconds = 15) =>
        Expect.Comes(async () => (await Events()).Any(text => text.StartsWith(start)), $"the event '{start}' of {Name}: {what}", seconds);

    public void Kill() => process.Kill();

    /// <summary>Begins to stop as ASP.NET Core does on SIGTERM.</summary>
    public Task Stop() => Post("/stop");

    public Task Exits(double seconds) => process.Exits(seconds);

    /// <summary>Negotiates as a client does: where the client is sent on to, with which token.</summary>
    public async Task<(string Url, string Token)> Negotiate(string hub)
    {
        var answer = (await (await Http.PostAsync($"{Url}/{hub}/negotiate?negotiateVersion=1", null)).Content.ReadFromJsonAsync<Dictionary<string, object>>())!;
        return (answer["url"].ToString()!, answer["accessToken"].ToString()!);
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();

    /// <summary>Ready: the negotiate of every hub answers.</summary>
    async Task<bool> IsReady(bool hasBlazor)
    {
        if (process.HasExited) throw new CheckFailed($"app server {Name} has ended, see {process.LogFile}");
        try
        {
            foreach (var hub in hasBlazor ? [.. Hubs, "_blazor"] : Hubs)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, $"{Url}/{hub}/negotiate?negotiateVersion=1");
                request.Headers.Authorization = new("Bearer", new TestUser("probe").BearerToken());
                using var response = await Http.SendAsync(request);
                if (!response.IsSuccessStatusCode) return false;
            }
            return true;
        }
        catch (HttpRequestException) { return false; }
    }
}
