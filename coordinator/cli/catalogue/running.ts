/** Commands that start a run or look at a run file. */
import type { Chapter } from "./entry.ts";
import {
  agentsOption,
  connection,
  failFastOption,
  fileArgument,
  json,
  keepFailedOption,
  outOptions,
  planOption,
  reuseOptions,
  runArgument,
  runPriorityOption,
  slotsOption,
  targetsArgument,
  varOption,
} from "./shared-options.ts";

export const running: Chapter = {
  title: "Run a graph",
  entries: [
    {
      name: "run",
      summary: "run a graph to its end, with live progress",
      description:
        "Without a server it starts all it needs on this machine and stops it again: a NATS server, a coordinator and " +
        "agents. With --server or MILLRACE_SERVER it submits to that cluster and follows. Ctrl-C cancels the run; a " +
        "second one ends the command at once.",
      arguments: [fileArgument, targetsArgument],
      options: [
        ...outOptions,
        slotsOption,
        agentsOption,
        failFastOption,
        ...reuseOptions,
        planOption,
        varOption,
        runPriorityOption,
        keepFailedOption,
        { flags: "--dry-run", summary: "show what would run, in order, and start nothing" },
        ...connection,
      ],
      examples: [
        { line: "millrace run build.yaml", comment: "run everything; artifacts land in ./out" },
        { line: "millrace run build.yaml test", comment: "only the job `test` and what it needs" },
        {
          line: "millrace run build.yaml --var VERSION=1.4 --slots 4",
          comment: "set a variable, four jobs at a time",
        },
        { line: "millrace run build.yaml --json | jq .type", comment: "events for a program" },
      ],
      load: () => import("../commands/run.ts"),
    },
    {
      name: "retry",
      summary: "run again what of a run failed, was blocked or cancelled",
      description:
        "A new run with the same graph and inputs, taken to its end as `millrace run` does. What ended well is carried " +
        "over with its artifacts and not run again; the earlier run stays as it is.",
      arguments: [runArgument],
      options: [
        ...outOptions,
        { flags: "--detach", summary: "print the new run's id and leave it to the cluster; needs a server" },
        slotsOption,
        agentsOption,
        keepFailedOption,
        ...connection,
      ],
      examples: [
        { line: "millrace retry last", comment: "after the disk was full, say" },
        { line: "run=$(millrace retry --detach last)", comment: "on a cluster, to follow it later" },
      ],
      load: () => import("../commands/retry.ts"),
    },
    {
      name: "submit",
      summary: "hand a graph to the cluster and print the run's id",
      description:
        "Only the id goes to stdout. The run goes on whatever becomes of this command; with --follow it waits for the " +
        "end and exits as the run does, and Ctrl-C then stops following, not the run.",
      arguments: [fileArgument, targetsArgument],
      options: [
        { flags: "-f, --follow", summary: "follow the run to its end" },
        { flags: "--run <id>", summary: "id of the run; submitting the same id again is the same run" },
        { flags: "--pool <name>", summary: "only agents of this pool run it" },
        failFastOption,
        ...reuseOptions,
        planOption,
        varOption,
        runPriorityOption,
        ...connection,
      ],
      examples: [
        { line: "run=$(millrace submit build.yaml)", comment: "keep the id for later" },
        { line: "millrace submit --follow build.yaml", comment: "submit, watch, exit 0 if all succeeded" },
      ],
      load: () => import("../commands/submit.ts"),
    },
    {
      name: "validate",
      summary: "check a run file and start nothing",
      arguments: [fileArgument],
      options: [varOption, json("the problems")],
      examples: [
        { line: "millrace validate build.yaml", comment: "says file:line:col of every mistake, exits 2" },
      ],
      load: () => import("../commands/validate.ts"),
    },
    {
      name: "graph",
      summary: "draw the graph of a run file or of a run",
      arguments: [{ name: "source", summary: "run file, or the id of a run", values: "file" }],
      options: [
        {
          flags: "--format <format>",
          summary: "dot, mermaid or json (default: dot)",
          values: ["dot", "mermaid", "json"],
        },
        ...connection,
      ],
      examples: [
        { line: "millrace graph build.yaml | dot -Tsvg > build.svg", comment: "draw with Graphviz" },
        { line: "millrace graph last --format mermaid", comment: "the latest run, coloured by phase" },
      ],
      load: () => import("../commands/graph.ts"),
    },
  ],
};
