import type { ArgumentEntry, OptionEntry } from "./entry.ts";

export const runArgument: ArgumentEntry = {
  name: "run",
  summary: "id of a run, the start of one, or `last`",
};

export const jobArgument: ArgumentEntry = { name: "job", summary: "name of a job" };

export const optionalJobArgument: ArgumentEntry = { ...jobArgument, optional: true };

export const fileArgument: ArgumentEntry = {
  name: "file",
  summary: "run file, YAML or JSON",
  values: "file",
};

export const targetsArgument: ArgumentEntry = {
  name: "jobs",
  summary: "only these jobs and what they need",
  optional: true,
  many: true,
};

export const json = (what: string): OptionEntry => ({ flags: "--json", summary: `print ${what} as JSON` });

/** What becomes of the artifacts and events of a run that a command takes to its end. */
export const outOptions: readonly OptionEntry[] = [
  {
    flags: "--out <dir>",
    summary: "folder for artifacts, as <dir>/<job>/<path> (default: out)",
    values: "folder",
  },
  { flags: "--no-out", summary: "leave artifacts in the cluster" },
  { flags: "--json", summary: "print one event a line as JSON on stdout, and nothing else there" },
];

export const keepFailedOption: OptionEntry = {
  flags: "--keep-failed",
  summary: "keep the workspaces of failed jobs and say where they are",
};

const serverOption: OptionEntry = {
  flags: "--server <url>",
  summary: "NATS server of the cluster (or MILLRACE_SERVER); without one, the local cluster",
};

export const namespaceOption: OptionEntry = {
  flags: "--namespace <name>",
  summary: "namespace of the cluster (default: default)",
};

const timeoutOption: OptionEntry = {
  flags: "--timeout <duration>",
  summary: "give up with status 3 after this long, e.g. 10m",
};

/** How every command that talks to a cluster finds it. */
export const connection: readonly OptionEntry[] = [serverOption, namespaceOption, timeoutOption];

export const varOption: OptionEntry = {
  flags: "--var <key=value>",
  summary: "set a variable that the run file declares; may be repeated",
  many: true,
};

export const runPriorityOption: OptionEntry = {
  flags: "--priority <n>",
  summary: "1 to 1000, higher first (default: 500); 0 holds the run",
};

export const failFastOption: OptionEntry = {
  flags: "--fail-fast",
  summary: "end the run at the first failure instead of keeping on with what can still run",
};

export const reuseOptions: readonly OptionEntry[] = [
  { flags: "--no-reuse", summary: "run every job, also where an equal one has succeeded before" },
  { flags: "--no-cutoff", summary: "reuse nothing above what has to run, though it may come out the same" },
];

export const planOption: OptionEntry = {
  flags: "--plan",
  summary: "show what would run, what would be reused and how long it would take, and start nothing",
};

export const slotsOption: OptionEntry = {
  flags: "--slots <n>",
  summary: "jobs at a time on each agent (default: the processors, shared out among the agents)",
};

export const agentsOption: OptionEntry = {
  flags: "--agents <n>",
  summary: "agents to start (default: 1)",
};

export const repositoryOption: OptionEntry = {
  flags: "--repo <dir>",
  summary: "folder of the package repository (default: the one that this folder lies in)",
  values: "folder",
};
