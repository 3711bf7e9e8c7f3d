/** Commands that change what runs, and where. */
import { agentHosts } from "./agent-hosts.ts";
import type { Chapter, CommandEntry } from "./entry.ts";
import { connection, json, optionalJobArgument, runArgument } from "./shared-options.ts";

export const steering: Chapter = {
  title: "Steer",
  entries: [
    {
      name: "cancel",
      summary: "cancel a run, one job of it, or all runs of somebody",
      description:
        "Returns when the cancelling is on record. Cancelling again, or what has ended, changes nothing and is no error.",
      arguments: [{ ...runArgument, optional: true }, optionalJobArgument],
      options: [
        {
          flags: "--submitter <name>",
          summary: "all runs that this user has submitted and that have not ended",
        },
        { flags: "--reason <text>", summary: "why, for those who read the events" },
        json("what was cancelled"),
        ...connection,
      ],
      examples: [
        { line: "millrace cancel last --reason 'wrong branch'", comment: "end the latest run" },
        { line: "millrace cancel --submitter ada", comment: "end all that ada has running" },
      ],
      load: () => import("../commands/cancel.ts"),
    },
    {
      name: "priority",
      summary: "change the priority of a run, or of one job of it",
      description: "1 to 1000, higher first; 0 holds it: nothing of it is started, and what runs is ended.",
      usage: "<run> [job] <n>",
      arguments: [
        runArgument,
        { name: "jobOrPriority", summary: "a job, or the priority of the whole run" },
        { name: "priority", summary: "the priority, after a job", optional: true },
      ],
      options: connection,
      examples: [
        { line: "millrace priority last 900", comment: "let the latest run go first" },
        { line: "millrace priority last deploy 0", comment: "hold one job" },
      ],
      load: () => import("../commands/priority.ts"),
    },
    {
      name: "gc",
      summary: "remove expired runs, and what no run refers to any more",
      description:
        "The coordinator does so every hour by what it is told to keep; this asks for it now, and shows what went. " +
        "Living runs, and what they need, are never touched.",
      options: [
        { flags: "--dry-run", summary: "show what would go, and remove nothing" },
        { flags: "--older-than <duration>", summary: "runs that ended longer ago go, too, e.g. 7d" },
        {
          flags: "--unreferenced-for <duration>",
          summary: "objects that no run refers to go after so long, instead of what the coordinator is told",
        },
        json("the result"),
        ...connection,
      ],
      examples: [
        { line: "millrace gc --dry-run --older-than 7d", comment: "what a week's limit would free" },
        { line: "millrace gc --older-than 7d", comment: "make room" },
      ],
      load: () => import("../commands/gc.ts"),
    },
    {
      name: "agents",
      summary: "list agents, take them out of work and back, and ask about their hosts",
      standard: "list",
      commands: [
        {
          name: "list",
          summary: "list the agents",
          options: [json("the list"), ...connection],
          examples: [{ line: "millrace agents", comment: "the same as `millrace agents list`" }],
          load: () => import("../commands/agents-list.ts"),
        },
        agentMode("drain", "let an agent finish what it has and take nothing new"),
        agentMode("hold", "stop giving an agent new jobs"),
        agentMode("resume", "give an agent jobs again"),
        ...agentHosts,
      ],
    },
  ],
};

function agentMode(name: "drain" | "hold" | "resume", summary: string): CommandEntry {
  return {
    name,
    summary,
    arguments: [{ name: "agent", summary: "name of an agent" }],
    options: connection,
    examples: [{ line: `millrace agents ${name} host-7`, comment: summary }],
    load: async () => (await import("../commands/agents-mode.ts"))[name],
  };
}
