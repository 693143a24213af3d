using System.Diagnostics;

namespace Hubwire.Conformance.AppServers;

/// <summary>A process whose output is kept in a file.</summary>
sealed class LoggedProcess : IAsyncDisposable
{
    static int started;

    readonly Process process;
    readonly StreamWriter log;

    LoggedProcess(string logFile, string[] command)
    {
        LogFile = logFile;
        log = new StreamWriter(logFile) { AutoFlush = true };
        process = new Process { StartInfo = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
    }

    public string LogFile { get; }
    public bool HasExited => process.HasExited;

    public static LoggedProcess Start(Target target, string name, string[] command)
    {
        Directory.CreateDirectory(target.Logs);
        var number = Interlocked.Increment(ref started);
        var logged = new LoggedProcess(Path.Combine(target.Logs, $"{number:000}-{target.ApplicationName ?? "main"}-{name}.log"), command);
        logged.process.Start();
        logged.process.BeginOutputReadLine();
        logged.process.BeginErrorReadLine();
        return logged;
    }

    /// <summary>As kill -9 does: without a goodbye.</summary>
    public void Kill() => process.Kill();

    /// <summary>Asks it to end, by SIGTERM.</summary>
    public void Terminate() => Process.Start("kill", ["-TERM", $"{process.Id}"]).Dispose();

    public Task Exits(double seconds) => Expect.Soon(process.WaitForExitAsync(), $"the process ends, see {LogFile}", seconds);

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await Exits(10);
        }
        lock (log) log.Dispose();
        process.Dispose();
    }

    void Write(string? line)
    {
        if (line == null) return;
        lock (log)
        {
            try { log.WriteLine($"{DateTime.UtcNow:HH:mm:ss.fff} {line}"); }
            catch (ObjectDisposedException) { } // what it says at its end
        }
    }
}
