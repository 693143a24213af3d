namespace Hubwire.Conformance.AppServers;

/// <summary>What app servers are started against.</summary>
sealed record Target
{
    /// <summary>Of the service; <c>null</c> is ASP.NET Core's own SignalR, to try the checks themselves.</summary>
    public string? ConnectionString { get; init; }
    /// <summary>Keeps the hubs of suites apart that run at the same time.</summary>
    public string? ApplicationName { get; init; }
    public required string AppServerDll { get; init; }
    /// <summary>A command that starts a Hubwire in mode default; it is given <c>--port</c>, <c>--access-key</c> and <c>--data-dir</c>.</summary>
    public string[] HubwireCommand { get; init; } = [];
    public required string Logs { get; init; }
    public string LogLevel { get; init; } = "Warning";

    public bool SelfHosted => ConnectionString == null;

    /// <summary>Where the service is.</summary>
    public string ServiceUrl
    {
        get
        {
            var parts = (ConnectionString ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split('=', 2));
            var values = parts.ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1]);
            var uri = new UriBuilder(values["endpoint"]);
            if (values.TryGetValue("port", out var port)) uri.Port = int.Parse(port);
            return uri.Uri.AbsoluteUri.TrimEnd('/');
        }
    }

    /// <summary>Starts an app server, which is ready then.</summary>
    public Task<AppServer> Start(string name, params string[] arguments) => AppServer.Start(this, name, arguments);

    /// <summary>Starts two app servers of the same hubs.</summary>
    public async Task<Pair> StartTwo(params string[] arguments)
    {
        var (a, b) = (Start("A", arguments), Start("B", arguments));
        try
        {
            return new(await a, await b);
        }
        catch
        {
            foreach (var start in new[] { a, b })
                if (await Task.WhenAny(start) is { IsCompletedSuccessfully: true } started) await started.Result.DisposeAsync();
            throw;
        }
    }
}

/// <summary>Two app servers of the same hubs.</summary>
sealed record Pair(AppServer A, AppServer B) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync();
        await B.DisposeAsync();
    }
}
