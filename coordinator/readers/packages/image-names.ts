import { MillraceError } from "../../../shared/model/error.ts";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import type { Package } from "./package.ts";
import type { RepositoryConfig } from "./repository-config.ts";

/** The long name of an image that a user names by either; throws when the configuration does not list it. */
export function imageNamed(config: Pick<RepositoryConfig, "images">, name: string): string {
  const { images } = config;
  if (images === undefined) return name;
  const image = images.find((known) => known.name === name || known.shortName === name);
  if (image !== undefined) return image.name;
  const names = images.flatMap((known) =>
    known.shortName === undefined ? [known.name] : [known.name, known.shortName],
  );
  throw new MillraceError(
    "badInput",
    `the repository has no image ${JSON.stringify(name)}${didYouMean(name, names)}`,
    {
      fix: names.length === 0 ? "Its config.toml lists none." : `Its images are ${names.join(", ")}.`,
    },
  );
}

/** Why a package may not be built in an image; undefined when it may. */
export function imageObstacle(
  { allowedImages, deniedImages }: Pick<Package, "allowedImages" | "deniedImages">,
  image: string,
): string | undefined {
  if (deniedImages?.includes(image) === true) return `its denied_images have ${image}`;
  if (allowedImages === undefined || allowedImages.includes(image)) return undefined;
  return `its allowed_images do not have ${image}`;
}
