namespace Hubwire.Conformance.App;

public enum Colour { Red, Green, Blue }

public sealed class Shape
{
    public string? Text { get; set; }
    public string? Missing { get; set; }
    public long Long { get; set; }
    public ulong Big { get; set; }
    public int Int { get; set; }
    public double Double { get; set; }
    public decimal Decimal { get; set; }
    public bool Flag { get; set; }
    public DateTime When { get; set; }
    public byte[]? Bytes { get; set; }
    public int[]? Numbers { get; set; }
    public Dictionary<string, string?>? Map { get; set; }
    public Shape? Inner { get; set; }
    public Colour Colour { get; set; }
    public Guid Id { get; set; }
    public int? Nothing { get; set; }
}

public sealed class WhoIs
{
    public string? Server { get; set; }
    public string? ConnectionId { get; set; }
    public string? UserId { get; set; }
    public string? Name { get; set; }
    public string? AuthenticationType { get; set; }
    public bool IsAuthenticated { get; set; }
    public bool IsAdmin { get; set; }
    /// <summary>type=value</summary>
    public string[]? Claims { get; set; }
}

public sealed class HttpSeen
{
    public bool Present { get; set; }
    public string? Path { get; set; }
    public string? QueryString { get; set; }
    public Dictionary<string, string>? Query { get; set; }
    public Dictionary<string, string>? Headers { get; set; }
    public string? RemoteIp { get; set; }
    public string? UserName { get; set; }
}

/// <summary>Who a test client says it is.</summary>
public sealed record TestUser(string Name, string[]? Roles = null, Dictionary<string, string>? Claims = null, int? ExpiresInSeconds = null, bool ShortNames = false);
