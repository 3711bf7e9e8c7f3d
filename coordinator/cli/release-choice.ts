/** The stores and artifacts that `millrace release` commands are about. */
import { z } from "zod";
import { MillraceError } from "../../shared/model/error.ts";
import { imageNamed } from "../readers/packages/image-names.ts";
import { choosePackages } from "../readers/packages/package-choice.ts";
import type { RepositoryConfig } from "../readers/packages/repository-config.ts";
import type { StagedArtifact } from "../releases/release.ts";
import type { ReleaseStores } from "../releases/release-store.ts";
import { findStagedRun } from "../releases/staging.ts";
import { storeFolder } from "./package-repository.ts";

/** How the stores of a repository are found. */
export const storesShape = {
  repo: z.string().min(1).optional(),
  releasesDir: z.string().min(1).optional(),
};

export function releaseStores(releasesDir: string | undefined, config: RepositoryConfig): ReleaseStores {
  return { root: storeFolder(releasesDir, config.folders, "releasesRoot"), names: config.releaseStores };
}

export interface StagedChoice {
  readonly run: string;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  readonly image?: string | undefined;
  readonly stagingDir?: string | undefined;
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
  return { run, artifacts: choosePackages(onImage, { name: input.package, version: input.version }) };
}
