/** The sources of a package as what a build stores: each one an artifact with one file, so agents fetch each once. */
import { lstat } from "node:fs/promises";
import { MillraceError } from "../../shared/model/error.ts";
import type { PackageSource } from "../readers/packages/package.ts";
import { type CachedSource, cachedSources, type SourceOwner, sourceLabel } from "./source-cache.ts";
import { checkSource, describeState } from "./source-state.ts";

/** What to upload for one source: the files below `root` that match `globs`. */
export interface SourceArtifact {
  readonly source: PackageSource;
  readonly root: string;
  readonly globs: readonly [string];
}

/**
 * The artifacts of a package's sources, in the order of its sources. Throws `refused` with all that is wrong with them;
 * without `verify` it is enough that they are there.
 */
export async function sourceArtifacts(
  cache: string,
  owner: SourceOwner,
  options: { readonly verify: boolean; readonly signal?: AbortSignal },
): Promise<SourceArtifact[]> {
  const artifacts: SourceArtifact[] = [];
  const problems: string[] = [];
  for (const cached of cachedSources(cache, [owner])) {
    const problem = await problemOf(cached, options);
    if (problem !== undefined) problems.push(`source ${sourceLabel(cached)} ${problem} (${cached.path})`);
    const { source, folder, file } = cached;
    artifacts.push({ source, root: folder, globs: [literalGlob(file)] });
  }
  if (problems.length === 0) return artifacts;
  throw new MillraceError("refused", problems.join("; "), {
    fix: `millrace source download ${owner.name} ${owner.version} fetches what can be fetched.`,
  });
}

async function problemOf(
  cached: CachedSource,
  { verify, signal }: { readonly verify: boolean; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  const status = await lstat(cached.path).catch(() => undefined);
  if (status === undefined) return "is missing";
  // An artifact holds links as links, and this one would lead nowhere on an agent.
  if (!status.isFile()) return "is not a plain file";
  if (!verify) return undefined;
  const state = await checkSource(cached, signal);
  return state.kind === "right" ? undefined : describeState(cached, state);
}

/** Matches just the file of this name. */
export function literalGlob(file: string): string {
  return file.replace(/[\\*?[\]{}()!+@|"$^]/g, "\\$&");
}
