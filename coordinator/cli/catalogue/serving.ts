/** Commands that keep a cluster going, and this command line itself. */
import type { Chapter } from "./entry.ts";
import { agentsOption, namespaceOption, slotsOption } from "./shared-options.ts";

const logLevels = ["debug", "info", "warn", "error"];

export const serving: Chapter = {
  title: "Serve",
  entries: [
    {
      name: "up",
      summary: "keep the local cluster up in the foreground, with agents",
      description:
        "Starts what `millrace run` starts, and keeps it until Ctrl-C: other commands without --server use it meanwhile.",
      options: [
        slotsOption,
        agentsOption,
        { flags: "--keep-failed", summary: "keep the workspaces of failed jobs" },
        namespaceOption,
      ],
      examples: [{ line: "millrace up --slots 4", comment: "then, elsewhere: millrace submit build.yaml" }],
      load: () => import("../commands/up.ts"),
    },
    {
      name: "coordinator",
      summary: "run a coordinator against a NATS server",
      description:
        "One coordinator of a namespace leads, others stand by. Agents are started with millrace-agent. The server's " +
        "URL with its credentials is better given as MILLRACE_SERVER: other users can read arguments.",
      options: [
        { flags: "--server <url>", summary: "NATS server (or MILLRACE_SERVER)" },
        namespaceOption,
        {
          flags: "--log-level <level>",
          summary: `${logLevels.join(", ")} (default: info)`,
          values: logLevels,
        },
        { flags: "--heartbeat <duration>", summary: "how often agents say that they live (default: 2s)" },
        {
          flags: "--lost-after <duration>",
          summary: "give a silent agent's jobs to others after this long (default: 15s)",
        },
        {
          flags: "--keep-runs-for <duration>",
          summary: "remove runs that ended longer ago, e.g. 90d (default: 30d), or `forever`",
        },
        {
          flags: "--keep-runs <n>",
          summary: "keep the latest n ended runs (default: 10000), or `all`",
        },
        {
          flags: "--keep-unreferenced <duration>",
          summary: "keep objects that no run refers to for so long (default: 24h; at least 1h)",
        },
        {
          flags: "--storage-limit <size>",
          summary:
            "take no new work when JetStream holds almost so much; limits of account and streams count too",
        },
        {
          flags: "--replicas <n>",
          summary: "copies of each stream, on servers of a cluster: 1, 3 or 5",
          values: ["1", "3", "5"],
        },
      ],
      examples: [
        {
          line: "MILLRACE_SERVER=nats://build:4222 millrace coordinator",
          comment: "as a service, on any host",
        },
      ],
      load: () => import("../commands/coordinator.ts"),
    },
    {
      name: "setup",
      summary: "install the NATS server that local runs need",
      options: [
        {
          flags: "--via <way>",
          summary: "auto, download, apt, dnf or brew (default: auto)",
          values: ["auto", "download", "apt", "dnf", "brew"],
        },
      ],
      examples: [{ line: "millrace setup --via apt", comment: "with the system's package manager" }],
      load: () => import("../commands/setup.ts"),
    },
    {
      name: "completion",
      summary: "print a script that completes commands in a shell",
      arguments: [{ name: "shell", summary: "bash, zsh or fish", values: ["bash", "zsh", "fish"] }],
      examples: [
        { line: "source <(millrace completion bash)", comment: "in ~/.bashrc" },
        { line: "millrace completion fish > ~/.config/fish/completions/millrace.fish", comment: "once" },
      ],
      load: () => import("../commands/completion.ts"),
    },
  ],
};
