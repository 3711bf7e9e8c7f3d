/** Commands that ask agents about their hosts. */
import type { CommandEntry, OptionEntry } from "./entry.ts";
import { connection, json, repositoryOption } from "./shared-options.ts";

const csvOption: OptionEntry = { flags: "--csv", summary: "print comma-separated values" };
const agentOption: OptionEntry = {
  flags: "--agent <name>",
  summary: "only this agent; may be repeated (default: all that are there)",
  many: true,
};
const agentsArgument = {
  name: "agents",
  summary: "names of agents (default: all that are there)",
  optional: true,
  many: true,
} as const;

export const agentHosts: readonly CommandEntry[] = [
  {
    name: "ping",
    summary: "see whether agents answer, and how fast",
    description: "The way is by the coordinator and back. Status 3 when an answer did not come.",
    arguments: [agentsArgument],
    options: [
      { flags: "-n, --count <n>", aliases: ["--times"], summary: "how often (default: 10)" },
      { flags: "--sleep <duration>", summary: "between two of them (default: 1s)" },
      csvOption,
      json("every time that was measured"),
      ...connection,
    ],
    examples: [{ line: "millrace agents ping host-7 -n 3", comment: "three times" }],
    load: () => import("../commands/agents-ping.ts"),
  },
  {
    name: "stats",
    summary: "show what agents' hosts are, and how many containers and images they have",
    arguments: [agentsArgument],
    options: [csvOption, json("it"), ...connection],
    examples: [{ line: "millrace agents stats", comment: "all agents" }],
    load: () => import("../commands/agents-stats.ts"),
  },
  {
    name: "containers",
    summary: "list, stop, remove and look into containers on agents' hosts",
    description:
      "Without names and without --all only such as the agents have made. stop takes those that run, prune those that " +
      "have ended; both ask before. exec has no terminal, and ends as the command does; a minute is its limit.",
    usage: "list|stop|prune|top|inspect|exec [container...] [-- command...]",
    arguments: [
      {
        name: "action",
        summary: "list, stop, prune, top, inspect or exec",
        values: ["list", "stop", "prune", "top", "inspect", "exec"],
      },
      {
        name: "words",
        summary: "ids, their starts, or names of containers; for exec one, and a command",
        optional: true,
        many: true,
      },
    ],
    options: [
      agentOption,
      { flags: "--all", summary: "also containers that the agents have not made" },
      { flags: "--list-stopped", summary: "list those that have ended, too" },
      { flags: "--image <image>", summary: "only those of this image" },
      { flags: "--older-than <time>", summary: "only those made before a time, or this long ago, e.g. 2h" },
      { flags: "--newer-than <time>", summary: "only those made after a time, or within this long" },
      { flags: "--grace <duration>", summary: "between TERM and KILL for stop (default: 10s)" },
      { flags: "--limit <n>", summary: "so many processes of each container for top (default: all)" },
      { flags: "-y, --yes", summary: "do not ask" },
      csvOption,
      json("it"),
      ...connection,
    ],
    examples: [
      { line: "millrace agents containers list --list-stopped", comment: "all that the agents have made" },
      { line: "millrace agents containers prune --older-than 1d --yes", comment: "for a script" },
      { line: "millrace agents containers exec 3f2a -- ps", comment: "a command in one" },
    ],
    load: () => import("../commands/agents-containers.ts"),
  },
  {
    name: "images",
    summary: "list images of agents' engines, or see whether they have some",
    description: "verify-present ends with status 1 when an agent lacks one. Nothing is fetched.",
    usage: "list|verify-present [image...]",
    arguments: [
      { name: "action", summary: "list or verify-present", values: ["list", "verify-present"] },
      {
        name: "images",
        summary: "the images to look for (default: those of the package repository)",
        optional: true,
        many: true,
      },
    ],
    options: [agentOption, repositoryOption, csvOption, json("the list"), ...connection],
    examples: [
      { line: "millrace agents images verify-present debian:12", comment: "does every agent have it?" },
    ],
    load: () => import("../commands/agents-images.ts"),
  },
];
