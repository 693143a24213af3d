// Measures Hubwire side by side with ASP.NET Core SignalR and the C++ bound, and prints the table of docs/performance.md.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildTools } from "./build.ts";
import { type Measured, measure } from "./measure.ts";
import { selectScenarios } from "./scenarios.ts";
import { benchServers } from "./servers.ts";
import { formatTable, reportRows } from "./table.ts";

const usage = `usage: npm run bench -- [options]

  --only TEXT     only the rows whose name contains TEXT, and the rows they are compared to
  --rounds N      rounds; the table has their medians (5)
  --duration S    seconds of each window of measurement (5)
  --quick         a smoke run of less than a minute: its figures mean nothing
  --json FILE     write all figures of all rounds
`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    duration: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const durationS = Number(options.duration ?? (options.quick ? 0.3 : 5));
const selected = selectScenarios(options.only);

if (options.help) console.log(usage);
else if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100))
  refuse("--rounds must be a number from 1 to 100");
else if (!(durationS >= 0.1 && durationS <= 60)) refuse("--duration must be a number from 0.1 to 60");
else if (selected.rows.length === 0) refuse(`--only: no row contains "${options.only}"`);
else if (process.platform !== "linux") refuse("the benchmark runs on Linux only (epoll, taskset, /proc)");
else if (availableParallelism() < 2)
  refuse("the benchmark needs two cores: one for the server, one for the generator");
else await run();

function refuse(message: string): void {
  console.error(`${message}\n\n${usage}`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const tools = buildTools();
  if ("missing" in tools.sigload) return refuse(`no load generator: ${tools.sigload.missing}`);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const workDir = mkdtempSync(join(tmpdir(), "hubwire-bench-"));
  try {
    const measured = await measure({
      scenarios: selected.scenarios,
      servers: benchServers(tools, workDir),
      sigload: tools.sigload.path,
      rounds,
      durationS,
      quick: options.quick,
      signal: interrupted.signal,
    });
    print(measured);
  } catch (cause) {
    if (!interrupted.signal.aborted) throw cause;
    console.error("interrupted");
    process.exitCode = 1;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

function print({ samples, notes }: Measured): void {
  const reports = reportRows(selected.rows, samples);
  const environment = `${cpus()[0]?.model.trim() ?? "unknown CPU"}, Node ${process.version}, ${rounds} × ${durationS} s`;
  console.log(
    `\n${environment}; medians; A = ASP.NET Core SignalR, C = C++ bound, U = undici without Hubwire\n`,
  );
  console.log(formatTable(reports));
  if (notes.length > 0) console.log(`\n${notes.map((note) => `- ${note}`).join("\n")}`);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ environment, rows: reports, notes }, undefined, 2)}\n`);
  }
}
