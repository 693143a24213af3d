namespace Hubwire.Conformance;

/// <summary>One thing that must hold.</summary>
/// <param name="Name">What must hold.</param>
/// <param name="Run">Throws when it does not.</param>
/// <param name="Seconds">The longest that it may take.</param>
sealed record Check(string Name, Func<Task> Run, int Seconds = 60);

/// <summary>What a check expected did not happen.</summary>
sealed class CheckFailed(string message) : Exception(message);

static class Expect
{
    /// <summary>The longest that anything a check waits for may take, in seconds, unless it says another.</summary>
    public const double Patience = 10;

    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new CheckFailed($"{what}: expected {expected?.ToString() ?? "null"}, got {actual?.ToString() ?? "null"}");
    }

    public static void True(bool holds, string what)
    {
        if (!holds) throw new CheckFailed(what);
    }

    /// <summary>Waits for <paramref name="task"/>, but not for ever.</summary>
    public static async Task<T> Soon<T>(Task<T> task, string what, double seconds = Patience)
    {
        try { return await task.WaitAsync(TimeSpan.FromSeconds(seconds)); }
        catch (TimeoutException) when (!task.IsCompleted) { throw new CheckFailed($"nothing after {seconds} s: {what}"); }
    }

    /// <summary>Waits for <paramref name="task"/>, but not for ever.</summary>
    public static async Task Soon(Task task, string what, double seconds = Patience)
    {
        try { await task.WaitAsync(TimeSpan.FromSeconds(seconds)); }
        catch (TimeoutException) when (!task.IsCompleted) { throw new CheckFailed($"nothing after {seconds} s: {what}"); }
    }

    /// <summary>The error that <paramref name="task"/> must fail with.</summary>
    public static async Task<Exception> Fails(Task task, string what, double seconds = Patience)
    {
        try { await Soon(task, what, seconds); }
        catch (CheckFailed) { throw; }
        catch (Exception error) { return error; }
        throw new CheckFailed($"it did not fail: {what}");
    }

    /// <summary>Asks again and again until it holds, but not for ever.</summary>
    public static async Task Comes(Func<Task<bool>> holds, string what, double seconds = Patience)
    {
        var end = DateTime.UtcNow.AddSeconds(seconds);
        while (!await holds())
        {
            if (DateTime.UtcNow > end) throw new CheckFailed($"not within {seconds} s: {what}");
            await Task.Delay(50);
        }
    }
}
