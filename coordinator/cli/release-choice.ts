/** The stores and artifacts that `millrace release` commands are about. */
import { z } from "zod";
import { MillraceError } from "../../shared/model/error.ts";
import { imageNamed } from "../readers/packages/image-names.ts";
import { choosePackages } from "../readers/packages/package-choice.ts";
import type { RepositoryConfig } from "../readers/packages/repository-config.ts";
import type { StagedArtifact } from "../releases/release.ts";
import { type ReleaseStores, releaseFolder } from "../releases/release-store.ts";
import { findStagedRun } from "../releases/staging.ts";
import { shellWord } from "./format/shell-word.ts";
import { storeFolder } from "./package-repository.ts";

/** How the stores of a repository are found. */
export const storesShape = {
  repo: z.string().min(1).optional(),
  releasesDir: z.string().min(1).optional(),
};

/** Names one of several artifacts of a package. */
export const digestStart = z
  .string()
  .regex(/^[0-9a-f]{4,64}$/, "must be the digest of an artifact, or at least four digits it begins with");

export function releaseStores(releasesDir: string | undefined, config: RepositoryConfig): ReleaseStores {
  return { root: storeFolder(releasesDir, config.folders, "releasesRoot"), names: config.releaseStores };
}

export interface StagedChoice {
  readonly run: string;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  readonly image?: string | undefined;
  readonly digest?: string | undefined;
  readonly stagingDir?: string | undefined;
}

/** Folders that were given, as options for another command; nothing for those of the configuration. */
export function folderOptions(given: {
  readonly repo?: string | undefined;
  readonly stagingDir?: string | undefined;
  readonly releasesDir?: string | undefined;
}): string {
  const options = [
    ["--repo", given.repo],
    ["--staging-dir", given.stagingDir],
    ["--releases-dir", given.releasesDir],
  ] as const;
  return options
    .map(([option, folder]) => (folder === undefined ? "" : ` ${option} ${shellWord(folder)}`))
    .join("");
}

/**
 * The store that a build releases into: the one that is named, or the only one where just its folder is given; undefined
 * where nothing is to be released. Throws before anything is built.
 */
export function buildRelease(
  { release, ...folders }: { readonly release?: string | undefined } & Parameters<typeof folderOptions>[0],
  config: RepositoryConfig,
): { readonly to: string; readonly folder: string; readonly folderOptions: string } | undefined {
  if (release === undefined && folders.releasesDir === undefined) return undefined;
  const stores = releaseStores(folders.releasesDir, config);
  const to = release ?? onlyStore(stores);
  return { to, folder: releaseFolder(stores, to), folderOptions: folderOptions(folders) };
}

function onlyStore({ names }: ReleaseStores): string {
  const [only, another] = names;
  if (only !== undefined && another === undefined) return only;
  const message = "nothing says into which release store the build goes";
  throw new MillraceError("badInput", message, {
    fix:
      only === undefined
        ? "Name one in release_stores of the repository's config.toml."
        : `Give --release: ${names.join(", ")}.`,
  });
}

/** The artifacts of a staged run that are meant; throws `notFound` when there are none. */
export async function chooseStaged(
  input: StagedChoice,
  config: RepositoryConfig,
): Promise<{ readonly run: string; readonly artifacts: readonly StagedArtifact[] }> {
  const staging = storeFolder(input.stagingDir, config.folders, "staging");
  const image = input.image === undefined ? undefined : imageNamed(config, input.image);
  const { run, stores } = await findStagedRun(staging, input.run);
  const all = stores.flatMap((store) =>
    [...store.artifacts()].map((provenance) => ({ ...provenance.package, provenance, store })),
  );
  const onImage = image === undefined ? all : all.filter(({ provenance }) => provenance.image === image);
  if (onImage.length === 0) {
    const where = image === undefined ? "" : ` on ${image}`;
    throw new MillraceError("notFound", `run ${run} has no artifacts${where} in ${staging}`, {
      fix: "See that `millrace build` has staged it there, and that something of it has succeeded.",
    });
  }
  const chosen = choosePackages(onImage, { name: input.package, version: input.version });
  const { digest = "" } = input;
  const artifacts = chosen.filter(({ provenance }) => provenance.artifact.digest.startsWith(digest));
  if (artifacts.length > 0) return { run, artifacts };
  throw new MillraceError("notFound", `no artifact that is meant has a digest that begins with ${digest}`, {
    fix: "millrace artifacts list RUN tells the digests of a run.",
  });
}
