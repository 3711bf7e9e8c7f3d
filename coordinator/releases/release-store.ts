/** The release stores of a repository: `<releases>/<store>/<path>`, each a folder that its configuration names. */
import { join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import { didYouMean } from "../../shared/model/nearest-name.ts";

/** Where the release stores are, and which there are. */
export interface ReleaseStores {
  readonly root: string;
  readonly names: readonly string[];
}

/** The folder of a store; throws `notFound` for a name that the repository does not know. */
export function releaseFolder({ root, names }: ReleaseStores, store: string): string {
  if (names.includes(store)) return join(root, store);
  throw new MillraceError(
    "notFound",
    `there is no release store ${JSON.stringify(store)}${didYouMean(store, names)}`,
    {
      fix:
        names.length === 0
          ? "Name it in release_stores of the repository's config.toml."
          : `The repository's release_stores are ${names.join(", ")}.`,
    },
  );
}
