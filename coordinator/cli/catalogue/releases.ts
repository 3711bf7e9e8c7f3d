/** Commands about the artifacts of packages, once they are built. */
import type { CommandEntry, GroupEntry, OptionEntry } from "./entry.ts";
import { json, repositoryOption } from "./shared-options.ts";

const releasesDirOption: OptionEntry = {
  flags: "--releases-dir <dir>",
  summary: "folder of the release stores (default: the repository's releases_root)",
  values: "folder",
};

const stagingDirOption: OptionEntry = {
  flags: "--staging-dir <dir>",
  summary: "folder of the staged runs (default: the repository's staging)",
  values: "folder",
};

const nonInteractiveOption: OptionEntry = { flags: "--non-interactive", summary: "do not ask" };

export const release: GroupEntry = {
  name: "release",
  summary: "release what packages have become, and look after it",
  commands: [
    {
      name: "new",
      summary: "copy artifacts of a staged run into a release store",
      description: "Prints the files that have come. Nothing is copied before it is clear that all may be.",
      arguments: [
        { name: "run", summary: "id of a run that `millrace build` has staged, the start of one, or `last`" },
        { name: "package", summary: "only this package", optional: true },
        { name: "version", summary: "only this version", optional: true },
      ],
      options: [
        { flags: "--to <store>", summary: "the release store, one of the repository's release_stores" },
        { flags: "--image <image>", summary: "only what was built on this image" },
        { flags: "--digest <digest>", summary: "only the artifact with this digest; its start is enough" },
        { flags: "--update", summary: "replace earlier releases of the same version, after asking" },
        nonInteractiveOption,
        { flags: "-q, --quiet", summary: "print no paths" },
        releasesDirOption,
        stagingDirOption,
        repositoryOption,
        json("the provenance of what was released"),
      ],
      examples: [
        { line: "millrace release new last --to default", comment: "all artifacts of the latest run" },
        {
          line: "millrace release new last zlib 1.3 --to default --update",
          comment: "one, in the place of another",
        },
      ],
      load: () => import("../commands/release-new.ts"),
    },
    {
      name: "rm",
      summary: "remove an artifact from a release store",
      arguments: [
        { name: "package", summary: "name of a package" },
        { name: "version", summary: "its version, in full" },
      ],
      options: [
        { flags: "--from <store>", summary: "the release store" },
        { flags: "--digest <digest>", summary: "which one, where there are several; its start is enough" },
        nonInteractiveOption,
        releasesDirOption,
        repositoryOption,
      ],
      examples: [{ line: "millrace release rm zlib 1.2 --from default", comment: "asks before it does" }],
      load: () => import("../commands/release-rm.ts"),
    },
    {
      name: "list",
      summary: "list what was released, the latest first",
      options: [
        { flags: "--to <store>", summary: "only this release store" },
        { flags: "-p, --package <name>", summary: "only this package" },
        {
          flags: "--older-than <time>",
          summary: "released before a time (2026-05-01), or longer ago (2weeks)",
        },
        { flags: "--newer-than <time>", summary: "released after a time, or less long ago" },
        { flags: "-L, --limit <n>", summary: "at most so many (default: 50; 0: all)" },
        { flags: "--csv", summary: "print comma-separated values" },
        releasesDirOption,
        repositoryOption,
        json("the list"),
      ],
      examples: [{ line: "millrace release list --newer-than 1week", comment: "the releases of this week" }],
      load: () => import("../commands/release-list.ts"),
    },
  ],
};
export const findArtifact: CommandEntry = {
  name: "find-artifact",
  summary: "find artifacts of packages in the release and staging stores",
  description:
    "Only such as the packages' scripts would make now: the script and the variables of the package are those of the " +
    "artifact.",
  arguments: [
    { name: "regex", summary: "what the names of the packages match" },
    { name: "version", summary: "only this version: 1.2 is also 1.2.7, =1.2 is not", optional: true },
  ],
  options: [
    { flags: "-I, --image <image>", summary: "only what was built on this image" },
    { flags: "-E, --env <key=value>", summary: "only what had this variable; may be repeated", many: true },
    { flags: "-S, --no-script-filter", summary: "also what another script has made" },
    releasesDirOption,
    stagingDirOption,
    repositoryOption,
    { flags: "--csv", summary: "print comma-separated values" },
    json("the list"),
  ],
  examples: [
    { line: "millrace find-artifact '^zlib$'", comment: "what there is of the package as it is now" },
    { line: "millrace find-artifact -S zlib 1.2", comment: "every artifact of a version" },
  ],
  load: () => import("../commands/find-artifact.ts"),
};
