namespace Hubwire.Conformance;

/// <summary>One thing that must hold, on a hub of its own.</summary>
/// <param name="Name">What must hold.</param>
/// <param name="Run">Throws when it does not; gets the name of its hub.</param>
sealed record Check(string Name, Func<string, Task> Run);

/// <summary>What a check expected did not happen.</summary>
sealed class CheckFailed(string message) : Exception(message);

static class Expect
{
    /// <summary>The longest that anything a check waits for may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new CheckFailed($"{what}: expected {expected}, got {actual}");
    }

    public static void True(bool holds, string what)
    {
        if (!holds) throw new CheckFailed(what);
    }

    /// <summary>Waits for <paramref name="task"/>, but not for ever.</summary>
    public static async Task<T> Soon<T>(Task<T> task, string what)
    {
        try { return await task.WaitAsync(Patience); }
        catch (TimeoutException) { throw new CheckFailed($"nothing after {Patience.TotalSeconds} s: {what}"); }
    }
}
