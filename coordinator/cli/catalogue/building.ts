/** The command that builds packages. */
import type { CommandEntry } from "./entry.ts";
import {
  agentsOption,
  connection,
  failFastOption,
  keepFailedOption,
  repositoryOption,
  reuseOptions,
  runPriorityOption,
  slotsOption,
} from "./shared-options.ts";

export const build: CommandEntry = {
  name: "build",
  summary: "build packages and all that they need",
  description:
    "Every package, version and image is a job of one run; an equal job of an earlier run is reused. Artifacts land in " +
    "<staging>/<run>. Without a server all that it takes is started here, as `millrace run` does. Where no agent has a " +
    "container engine, jobs run on the host itself, and what they make is marked so.",
  usage: "<name> [version...] ...",
  arguments: [
    {
      name: "packages",
      summary: "names, each with the versions to build; a package with one version needs none",
      optional: true,
      many: true,
    },
  ],
  options: [
    {
      flags: "-I, --image <image>",
      summary: "image to build in, long or short name; may be repeated",
      many: true,
    },
    {
      flags: "-E, --env <name=value>",
      summary: "variable of every job, or the name of one to pass on",
      many: true,
    },
    { flags: "--all", summary: "build every package that may be built in the image" },
    {
      flags: "--affected-by <revision>",
      summary: "build what has changed since, and all that depends on it",
    },
    { flags: "--dry-run", summary: "list the jobs, in order, from the files alone" },
    { flags: "--plan", summary: "show what would run and what would be reused, and start nothing" },
    { flags: "-L, --write-log", summary: "write the logs into the repository's log_dir, too" },
    {
      flags: "--staging-dir <dir>",
      summary: "folder for artifacts (default: the repository's staging)",
      values: "folder",
    },
    {
      flags: "--release <store>",
      summary: "release all that was built into this store, when nothing has failed",
    },
    {
      flags: "--releases-dir <dir>",
      summary: "the same, with the store below this folder; an only store need not be named",
      values: "folder",
    },
    {
      flags: "--source-cache <dir>",
      summary: "folder of the sources (default: the repository's source_cache)",
      values: "folder",
    },
    { flags: "--no-verify", summary: "do not check the hashes of sources" },
    { flags: "--no-lint", summary: "do not have the scripts looked at by the configured linter" },
    ...reuseOptions,
    { flags: "--on-host", summary: "run jobs on the hosts of agents, though there are container engines" },
    {
      flags: "--network <name>",
      summary: "network of the containers: bridge, none, host or one the engine knows",
    },
    { flags: "--shebang <line>", summary: "first line of the scripts, instead of the configured one" },
    {
      flags: "--verdict <rule>",
      summary: "both: exit status and marks in the log; marks: those alone, as butido has it (default: both)",
      values: ["both", "marks"],
    },
    repositoryOption,
    slotsOption,
    agentsOption,
    failFastOption,
    runPriorityOption,
    keepFailedOption,
    { flags: "--json", summary: "print one event a line as JSON on stdout, and nothing else there" },
    ...connection,
  ],
  examples: [
    { line: "millrace build zlib 1.3 --image deb12", comment: "one package and what it needs" },
    {
      line: "millrace build zlib 1.2 1.3 curl -I deb11 -I deb12",
      comment: "three packages on two images, one run",
    },
    { line: "millrace build --affected-by main", comment: "what this branch has changed" },
    { line: "millrace build --all --plan", comment: "what is to be built, and how long that takes" },
  ],
  load: () => import("../commands/build.ts"),
};
