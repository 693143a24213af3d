using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Hubwire.Conformance;

/// <summary>The service under test: its REST API, and tokens for both of its doors.</summary>
sealed class Service(string endpoint, string accessKey)
{
    static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };
    int hubs;

    public string Endpoint { get; } = endpoint.TrimEnd('/');

    /// <summary>A check that gets the name of a hub of its own.</summary>
    public Check OnOwnHub(string name, Func<string, Task> run) => new(name, () => run($"conformance{Interlocked.Increment(ref hubs)}"));

    /// <summary>A connected client.</summary>
    public async Task<TestClient> Connect(Wire wire, string hub, ClientOptions options)
    {
        var client = new TestClient(options.Build(this, wire, hub));
        await client.Start();
        return client;
    }

    public string ClientPath(string hub) => $"/client/?hub={hub}";

    public string ClientToken(string hub, string user, bool detailedErrors)
    {
        var claims = new Dictionary<string, object> { ["aud"] = Endpoint + ClientPath(hub), ["nameid"] = user };
        if (detailedErrors) claims["asrs.s.derror"] = "True";
        return Sign(claims);
    }

    /// <summary>Sends to <paramref name="audience"/>, a path below the hub: "", "groups/g", "users/u", "connections/c".</summary>
    public Task Send(string hub, string audience, string target, string argumentsJson, string query = "")
    {
        var path = audience.Length == 0 ? ":send" : $"{audience}/:send";
        return Call(HttpMethod.Post, hub, path, query, $$"""{"target":{{JsonSerializer.Serialize(target)}},"arguments":{{argumentsJson}}}""");
    }

    /// <summary>Calls the REST API 2022-06-01 and throws unless it succeeds.</summary>
    public async Task Call(HttpMethod method, string hub, string path, string query = "", string? body = null)
    {
        var url = $"{Endpoint}/api/hubs/{hub}/{path}";
        using var request = new HttpRequestMessage(method, $"{url}?api-version=2022-06-01{query}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Sign(new() { ["aud"] = url }));
        if (body != null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await Http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            throw new CheckFailed($"{method} {path} was answered with {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
    }

    string Sign(Dictionary<string, object> claims)
    {
        claims["exp"] = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
        var signed = $"{Encode("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{signed}.{Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(accessKey), Encoding.ASCII.GetBytes(signed)))}";
    }

    static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);
}
