/** Commands about what is kept of all runs. */
import type { JobPhase, RunStatus } from "../../../shared/model/event.ts";
import type { CommandEntry, GroupEntry, OptionEntry } from "./entry.ts";
import { connection, json, optionalJobArgument, runArgument } from "./shared-options.ts";

/** Written out, as the schema that has them takes long to load; the compiler sees that none is missing. */
const statuses = Object.keys({
  running: true,
  cancelling: true,
  succeeded: true,
  failed: true,
  cancelled: true,
  infrastructure: true,
} satisfies Record<RunStatus, true>);

const phases = Object.keys({
  waiting: true,
  ready: true,
  assigned: true,
  running: true,
  succeeded: true,
  failed: true,
  blocked: true,
  skipped: true,
  cancelled: true,
} satisfies Record<JobPhase, true>);

/** Which jobs are meant, or runs that have such jobs. */
const jobFilters: readonly OptionEntry[] = [
  { flags: "-p, --package <name>", summary: "only jobs of this package, of every version and image" },
  { flags: "-I, --image <image>", summary: "only jobs in containers of this image" },
  { flags: "-E, --env <key=value>", summary: "only jobs with this variable; may be repeated", many: true },
  { flags: "--agent <name>", summary: "only jobs that this agent has had" },
];

function periodOptions(what: string): readonly OptionEntry[] {
  return [
    { flags: "--older-than <time>", summary: `${what} before a time (2026-05-01), or longer ago (2weeks)` },
    { flags: "--newer-than <time>", summary: `${what} after a time, or less long ago` },
  ];
}

const form: readonly OptionEntry[] = [
  { flags: "--csv", summary: "print comma-separated values" },
  json("the list"),
];

const limitOption: OptionEntry = {
  flags: "-L, --limit <n>",
  summary: "at most so many (default: all of a run that is named, else 50; 0: all)",
};

export const runs: CommandEntry = {
  name: "runs",
  summary: "list runs, the latest first",
  description: "Those with a job that matches, where jobs are asked for.",
  options: [
    { flags: "--status <status>", summary: `only these: ${statuses.join(", ")}`, values: statuses },
    { flags: "--submitter <name>", summary: "only runs of this user" },
    ...periodOptions("submitted"),
    ...jobFilters,
    { flags: limitOption.flags, summary: "at most so many (default: 50; 0: all)" },
    ...form,
    ...connection,
  ],
  examples: [
    { line: "millrace runs --status failed", comment: "what went wrong lately" },
    { line: "millrace runs -p zlib --newer-than 1week", comment: "who has built a package" },
  ],
  load: () => import("../commands/runs.ts"),
};

export const jobs: CommandEntry = {
  name: "jobs",
  summary: "list the jobs of a run, or of all runs, the latest run first",
  description:
    "Tells of each who ran it, when, and whether its result was made there. A job that has not run counts as begun " +
    "when its run was submitted.",
  arguments: [{ ...runArgument, optional: true }],
  options: [
    { flags: "-J, --job <name>", summary: "only the job of this name" },
    { flags: "--phase <phase>", summary: `only these: ${phases.join(", ")}`, values: phases },
    ...periodOptions("begun"),
    ...jobFilters,
    limitOption,
    ...form,
    ...connection,
  ],
  examples: [
    { line: "millrace jobs --phase failed --agent build7", comment: "what an agent has failed at" },
    { line: "millrace jobs -p zlib -I debian:12 --limit 10", comment: "the latest builds of a package" },
    { line: "millrace jobs last --csv", comment: "every job of the latest run, for a spreadsheet" },
  ],
  load: () => import("../commands/jobs.ts"),
};

export const artifacts: GroupEntry = {
  name: "artifacts",
  summary: "list and fetch what jobs produced",
  standard: "list",
  commands: [
    {
      name: "list",
      summary: "list the artifacts of all runs or of one, or the files of one job's",
      arguments: [{ ...runArgument, optional: true }, optionalJobArgument],
      options: [...periodOptions("begun"), ...jobFilters, limitOption, ...form, ...connection],
      examples: [
        { line: "millrace artifacts list last compile", comment: "the files of one artifact" },
        { line: "millrace artifacts list -p zlib", comment: "what came of a package, run by run" },
      ],
      load: () => import("../commands/artifacts-list.ts"),
    },
    {
      name: "get",
      summary: "copy artifacts into a folder, as <dir>/<job>/<path>",
      arguments: [runArgument, optionalJobArgument],
      options: [
        { flags: "--out <dir>", summary: "the folder (default: out)", values: "folder" },
        ...connection,
      ],
      examples: [{ line: "millrace artifacts get last package --out dist", comment: "one job's artifact" }],
      load: () => import("../commands/artifacts-get.ts"),
    },
  ],
};
