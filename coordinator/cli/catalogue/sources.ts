/** Commands about the sources of packages. */
import type { ArgumentEntry, GroupEntry, OptionEntry } from "./entry.ts";
import { json, repositoryOption } from "./shared-options.ts";

export const optionalPackageArgument: ArgumentEntry = {
  name: "package",
  summary: "only packages of this name",
  optional: true,
};

export const optionalVersionArgument: ArgumentEntry = {
  name: "version",
  summary: "only this version: 1.2 is also 1.2.7, =1.2 is not",
  optional: true,
};

const which: readonly ArgumentEntry[] = [optionalPackageArgument, optionalVersionArgument];

const choice: readonly OptionEntry[] = [
  { flags: "--matching <regex>", summary: "only packages whose names match" },
  {
    flags: "--source-cache <dir>",
    summary: "folder of the sources (default: the repository's source_cache)",
    values: "folder",
  },
  repositoryOption,
];

export const source: GroupEntry = {
  name: "source",
  summary: "fetch and check the sources of packages",
  commands: [
    {
      name: "verify",
      summary: "check the hashes of sources; status 1 when one is wrong or missing",
      arguments: which,
      options: [...choice, json("every source with its state")],
      examples: [
        { line: "millrace source verify", comment: "all sources of the repository" },
        {
          line: "millrace source verify --matching '^lib'",
          comment: "those of packages that begin with lib",
        },
      ],
      load: () => import("../commands/source-verify.ts"),
    },
    {
      name: "list-missing",
      summary: "list sources that are not in the cache",
      arguments: which,
      options: [...choice, json("them")],
      examples: [{ line: "millrace source list-missing", comment: "what a build would lack" }],
      load: () => import("../commands/source-list-missing.ts"),
    },
    {
      name: "url",
      summary: "list where sources come from",
      arguments: which,
      options: [...choice, json("them")],
      examples: [{ line: "millrace source url zlib 1.3", comment: "the sources of one package" }],
      load: () => import("../commands/source-url.ts"),
    },
    {
      name: "of",
      summary: "list where sources belong in the cache",
      arguments: which,
      options: [...choice, json("them")],
      examples: [{ line: "millrace source of zlib", comment: "where to put what must be fetched by hand" }],
      load: () => import("../commands/source-of.ts"),
    },
    {
      name: "download",
      summary: "fetch sources that are missing or wrong; status 1 when one can't be had",
      description:
        "What has come before a connection broke, or before Ctrl-C, is kept and gone on with. A file is put into the cache " +
        "only when its hash is right.",
      arguments: which,
      options: [
        ...choice,
        {
          flags: "--mirror <url>",
          summary:
            "another address, e.g. https://mirror.example/{name}/{file}; may be repeated (and MILLRACE_SOURCE_MIRRORS)",
          many: true,
        },
        { flags: "--parallel <n>", summary: "so many at a time (default: 8)" },
        { flags: "--timeout <duration>", summary: "give up a source after this long, e.g. 10m" },
        { flags: "--force", summary: "fetch also what is there and right" },
        json("every source with what became of it"),
      ],
      examples: [
        { line: "millrace source download", comment: "all that is missing" },
        { line: "millrace source download zlib =1.3 --force", comment: "one package, again" },
        {
          line: "millrace source download --mirror 'https://mirror.example/{file}' --mirror '{url}'",
          comment: "ask the mirror first, then the package's own address",
        },
      ],
      load: () => import("../commands/source-download.ts"),
    },
  ],
};
