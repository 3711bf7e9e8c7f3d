/** Commands that look at runs. */
import type { Chapter } from "./entry.ts";
import { artifacts, jobs, runs } from "./history.ts";
import { connection, jobArgument, json, optionalJobArgument, runArgument } from "./shared-options.ts";

export const looking: Chapter = {
  title: "Look at runs",
  entries: [
    {
      name: "watch",
      summary: "follow a run to its end and exit as it does",
      description: "Ctrl-C stops watching; the run goes on.",
      arguments: [runArgument],
      options: [{ flags: "--json", summary: "print one event a line as JSON" }, ...connection],
      examples: [{ line: "millrace watch last", comment: "the run submitted last" }],
      load: () => import("../commands/watch.ts"),
    },
    {
      name: "status",
      summary: "show the cluster, or one run and its jobs",
      arguments: [{ ...runArgument, optional: true }],
      options: [
        { flags: "--all", summary: "list every job, not only those that run or failed" },
        json("it"),
        ...connection,
      ],
      examples: [
        { line: "millrace status", comment: "coordinator, agents, what runs" },
        { line: "millrace status last --all", comment: "every job of the latest run" },
      ],
      load: () => import("../commands/status.ts"),
    },
    runs,
    jobs,
    {
      name: "logs",
      aliases: ["log-of"],
      summary: "print what a job, or every job of a run, wrote",
      description:
        "With --follow a job that has not started is waited for, and the command ends with the job's own exit status. " +
        "Without a job, each line begins with the name of its job.",
      arguments: [runArgument, optionalJobArgument],
      options: [
        { flags: "-f, --follow", summary: "read on until the job, or the run, has ended" },
        { flags: "--attempt <n>", summary: "only this attempt of the job" },
        ...connection,
      ],
      examples: [
        { line: "millrace logs last compile", comment: "the log of one job" },
        { line: "millrace logs -f last", comment: "all jobs as they run" },
      ],
      load: () => import("../commands/logs.ts"),
    },
    artifacts,
    {
      name: "events",
      summary: "print stored events, then follow if asked to",
      options: [
        { flags: "-f, --follow", summary: "go on with what happens next" },
        { flags: "--run <run>", summary: "only this run (id, start of one, or `last`)" },
        { flags: "--job <job>", summary: "only events of the job of this name" },
        { flags: "--type <type>", summary: "only this type, e.g. job.failed; may be repeated", many: true },
        { flags: "--since <time>", summary: "start at a time (2026-05-01T12:00:00Z) or this long ago (10m)" },
        { flags: "--from <n>", summary: "start with the run's event of this number; needs --run" },
        { flags: "--json", summary: "print one event a line as JSON" },
        ...connection,
      ],
      examples: [
        { line: "millrace events -f --type job.failed --json", comment: "tell a program of every failure" },
        { line: "millrace events --run last --since 10m", comment: "the last ten minutes of one run" },
      ],
      load: () => import("../commands/events.ts"),
    },
    {
      name: "dead-letters",
      summary: "follow the messages that are refused, and why",
      description:
        "Malformed messages, such of another version or of a wrong sender, and results of attempts that count no more. " +
        "Only those that come from now on, and so many a second; `millrace status --json` has the counts.",
      options: [{ flags: "--json", summary: "print one a line as JSON" }, ...connection],
      examples: [
        { line: "millrace dead-letters", comment: "what an operator looks at when an agent does not join" },
      ],
      load: () => import("../commands/dead-letters.ts"),
    },
    {
      name: "explain",
      summary: "say why a job is where it is",
      arguments: [runArgument, jobArgument],
      options: [json("the explanation"), ...connection],
      examples: [
        { line: "millrace explain last deploy", comment: "what it waits for, its place in the queue" },
      ],
      load: () => import("../commands/explain.ts"),
    },
  ],
};
