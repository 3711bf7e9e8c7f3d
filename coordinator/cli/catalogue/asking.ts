/** Commands that ask about the packages of a repository. */
import type { ArgumentEntry, CommandEntry, OptionEntry } from "./entry.ts";
import { json, repositoryOption } from "./shared-options.ts";
import { optionalVersionArgument } from "./sources.ts";

const nameArgument: ArgumentEntry = { name: "name", summary: "name of a package" };

const siteOptions: readonly OptionEntry[] = [
  {
    flags: "-I, --image <image>",
    summary: "as it is in this image; without one, no condition on images holds",
  },
  { flags: "-E, --env <name=value>", summary: "with this variable set; may be repeated", many: true },
];

const kindOption: OptionEntry = {
  flags: "-t, --dependency-type <kind>",
  aliases: ["--type"],
  summary: "only these dependencies: build or runtime",
  values: ["build", "runtime"],
};

export const asking: readonly CommandEntry[] = [
  {
    name: "tree-of",
    summary: "show what a package needs, as a tree",
    description:
      "What is needed to build alone has a *; a package that was shown before ends in an ellipsis.",
    arguments: [nameArgument, optionalVersionArgument],
    options: [
      { flags: "--dot", summary: "draw it for Graphviz; edges that only building needs are dotted" },
      { flags: "--serial-buildorder", summary: "list all packages, each after what it needs" },
      ...siteOptions,
      repositoryOption,
      json("the graph"),
    ],
    examples: [
      { line: "millrace tree-of curl 8.1 --image deb12", comment: "with the conditions that hold there" },
      { line: "millrace tree-of curl --dot | dot -Tsvg > curl.svg", comment: "as a picture" },
    ],
    load: () => import("../commands/tree-of.ts"),
  },
  {
    name: "what-depends",
    summary: "list the packages that need one",
    arguments: [nameArgument, optionalVersionArgument],
    options: [
      { flags: "--transitive", summary: "also those that need it through others" },
      kindOption,
      repositoryOption,
      json("them"),
    ],
    examples: [{ line: "millrace what-depends zlib --transitive", comment: "all that a new zlib touches" }],
    load: () => import("../commands/what-depends.ts"),
  },
  {
    name: "dependencies-of",
    aliases: ["depsof"],
    summary: "list what a package needs",
    description:
      "As it is written, with the conditions; with --transitive all packages that it takes along where the build happens.",
    arguments: [nameArgument, optionalVersionArgument],
    options: [
      { flags: "--transitive", summary: "all that it takes along, each after what it needs itself" },
      kindOption,
      ...siteOptions,
      repositoryOption,
      json("them"),
    ],
    examples: [{ line: "millrace dependencies-of curl -t build", comment: "what it takes to build curl" }],
    load: () => import("../commands/dependencies-of.ts"),
  },
  {
    name: "versions-of",
    aliases: ["versions"],
    summary: "list the versions of a package",
    arguments: [nameArgument],
    options: [repositoryOption, json("them")],
    examples: [{ line: "millrace versions-of zlib", comment: "with the folder of each" }],
    load: () => import("../commands/versions-of.ts"),
  },
  {
    name: "env-of",
    aliases: ["env"],
    summary: "print the variables that a package sets",
    arguments: [nameArgument, { ...optionalVersionArgument, summary: "its version, where it has several" }],
    options: [repositoryOption, json("them as pairs")],
    examples: [{ line: "millrace env-of zlib 1.3", comment: "as NAME=VALUE, one a line" }],
    load: () => import("../commands/env-of.ts"),
  },
  {
    name: "find-pkg",
    summary: "find packages by their names, and show them",
    arguments: [{ name: "regex", summary: "regular expression for the names" }, optionalVersionArgument],
    options: [
      { flags: "-t, --terse", summary: "one line a package" },
      { flags: "-A, --all", summary: "show everything" },
      { flags: "-S, --sources", aliases: ["--source"], summary: "show the sources" },
      { flags: "-D, --dependencies", aliases: ["--deps"], summary: "show the dependencies" },
      {
        flags: "--dependency-type <kind>",
        summary: "only build or runtime ones",
        values: ["build", "runtime"],
      },
      { flags: "-p, --patches", summary: "show the patches" },
      { flags: "-E, --env", summary: "show the variables" },
      { flags: "--allowed-images", summary: "show the images it may be built in" },
      { flags: "--denied-images", summary: "show the images it may not be built in" },
      { flags: "-P, --phases", summary: "show the phases it has" },
      { flags: "-s, --script", summary: "show its script, rendered" },
      { flags: "--no-line-numbers", summary: "the script without numbers of lines" },
      { flags: "--line-numbers", isHidden: true, summary: "the script with numbers of lines" },
      {
        flags: "--no-highlighting",
        aliases: ["--no-highlight"],
        isHidden: true,
        summary: "the script without colours",
      },
      repositoryOption,
      json("the packages"),
    ],
    examples: [
      { line: "millrace find-pkg '^lib' --terse", comment: "all that begin with lib" },
      {
        line: "millrace find-pkg '^zlib$' =1.3 --script --no-line-numbers",
        comment: "what its job would run",
      },
    ],
    load: () => import("../commands/find-pkg.ts"),
  },
  {
    name: "lint",
    summary: "check packages and their scripts; status 1 when one has a mistake",
    description:
      "Renders every script, has the configured script_linter look at it, and compares its phases and dependencies with " +
      "what the repository knows.",
    arguments: [
      { ...nameArgument, summary: "only packages of this name", optional: true },
      optionalVersionArgument,
    ],
    options: [repositoryOption, json("the findings")],
    examples: [{ line: "millrace lint zlib", comment: "all versions of one package" }],
    load: () => import("../commands/lint.ts"),
  },
  {
    name: "metrics",
    summary: "count what is in the repository",
    options: [repositoryOption, json("the counts")],
    examples: [{ line: "millrace metrics --json", comment: "for a dashboard" }],
    load: () => import("../commands/metrics.ts"),
  },
];
