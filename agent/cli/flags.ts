/** The flags of `millrace-agent`, for the command itself and for `install`, which is given the same. */
import { Command, Option } from "commander";

const several = (value: string, before: string[] = []): string[] => [...before, value];

/** For benchmarks: see docs/performance.md. */
const runnerOption = new Option("--runner <kind>", "what runs jobs").choices(["shell", "noop"]).hideHelp();

/** Adds them to a command; `options.ts` says what their values may be. */
export function withAgentFlags(command: Command): Command {
  return command
    .option("--server <url>", "NATS server, or - for the first line of standard input; or MILLRACE_SERVER")
    .option("--namespace <name>", "namespace of the cluster (default: default)")
    .option("--name <name>", "name of the agent, unique in the cluster (default: the host's name)")
    .option("--slots <n>", "jobs that may run at a time (default: number of CPUs)")
    .option("--label <key=value>", "what jobs may ask for; may be repeated", several)
    .option("--pool <name>", "take only runs that were submitted to this pool")
    .option("--cpu <n>", "CPUs that jobs may ask for in total (default: number of CPUs)")
    .option("--memory <size>", "memory that jobs may ask for in total (default: the host's)")
    .option("--work-dir <folder>", "for workspaces (default: $XDG_STATE_HOME/millrace/agents/<name>)")
    .option(
      "--min-free <size>",
      "take no jobs while less is free on disk, as 1GiB or 5% (default: 1GiB, or 5% if that is less)",
    )
    .option("--log-backlog <size>", "keep so much of logs while the server is away (default: 1GiB)")
    .option(
      "--shell-only",
      "take no jobs with an image or with the paths of a package, and don't find out whether they could run here",
    )
    .option("--keep-failed", "keep the workspaces of failed jobs under <work-dir>/kept")
    .option("--pass-env <name>", "let a variable of the agent reach shell jobs; may be repeated", several)
    .addOption(
      new Option("--stop <how>", "what SIGTERM does to running jobs (default: drain)").choices([
        "drain",
        "now",
        "leave",
      ]),
    )
    .option("--grace <duration>", "between TERM and KILL for a job that is ended (default: 5s)")
    .option(
      "--heartbeat <duration>",
      "how often to report until the coordinator says otherwise (default: 2s)",
    )
    .addOption(runnerOption)
    .option("--exit-with-stdin", "end at once when standard input ends")
    .option("--log-level <level>", "debug, info, warn or error (default: info)")
    .option("--json-logs", "log JSON, one object a line");
}

/** The values of the flags in `given`; throws commander's error for one that is none. */
export function parseAgentFlags(given: readonly string[]): unknown {
  const command = new Command("millrace-agent").exitOverride().configureOutput({ writeErr: () => {} });
  return withAgentFlags(command)
    .allowExcessArguments(false)
    .parse([...given], { from: "user" })
    .opts();
}
