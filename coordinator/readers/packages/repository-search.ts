import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MillraceError } from "../../../shared/model/error.ts";
import { CONFIG_FILE } from "./repository-config-reading.ts";

/** A key that tells a repository's configuration from other files of that name. */
const telltale = /^\s*(compatibility|available_phases)\s*=/m;

/** The repository that a folder lies in: the nearest one upwards with a configuration of packages. */
export async function findRepository(from: string): Promise<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, CONFIG_FILE), "utf8").catch(() => undefined);
    if (text !== undefined && telltale.test(text)) return folder;
    if (dirname(folder) === folder) break;
  }
  throw new MillraceError("badInput", `there is no package repository in ${from} nor above it`, {
    fix: `Go into one, or name it with --repo; it is the folder with the ${CONFIG_FILE} of the packages.`,
  });
}
