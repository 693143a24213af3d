namespace Hubwire.Conformance;

/// <summary>Runs checks and prints a line for each. Suites may run at the same time.</summary>
/// <param name="wants">Whether a check of this full name is to be run.</param>
sealed class Report(Func<string, bool> wants)
{
    readonly Lock printing = new();
    readonly List<string> failed = [];
    int passed;

    /// <summary>Runs them one after another.</summary>
    public async Task Run(string suite, IEnumerable<Check> checks)
    {
        foreach (var check in checks)
        {
            var name = $"{suite}: {check.Name}";
            if (wants(name)) await Run(name, check);
        }
    }

    /// <summary>Prints what failed and the sums; the exit code of the program.</summary>
    public int Summary()
    {
        foreach (var failure in failed) Console.WriteLine($"FAILED {failure}");
        Console.WriteLine($"{passed} passed, {failed.Count} failed");
        return failed.Count == 0 && passed > 0 ? 0 : 1;
    }

    async Task Run(string name, Check check)
    {
        var start = DateTime.UtcNow;
        var why = await Outcome(check);
        var took = $"{(DateTime.UtcNow - start).TotalSeconds:0.0} s";
        lock (printing)
        {
            Console.WriteLine(why == null ? $"ok   {name} ({took})" : $"FAIL {name} ({took}): {why}");
            if (why == null) passed++;
            else failed.Add($"{name}: {why}");
        }
    }

    static async Task<string?> Outcome(Check check)
    {
        try
        {
            await check.Run().WaitAsync(TimeSpan.FromSeconds(check.Seconds));
            return null;
        }
        catch (Exception error)
        {
            return (error is CheckFailed ? error.Message : $"{error.GetType().Name}: {error.Message}").ReplaceLineEndings(" ");
        }
    }
}
