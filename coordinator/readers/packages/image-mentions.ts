/** Images that a package names and its repository does not have: such a condition never holds, such a permission never counts. */
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import { dependencyKinds, type Package } from "./package.ts";
import type { ImageName, RepositoryConfig } from "./repository-config.ts";

/** A mistake in a value of a package, by its path. */
export interface ImageMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** None where the repository has no list of images. */
export function unknownImages(item: Package, { images }: Pick<RepositoryConfig, "images">): ImageMistake[] {
  if (images === undefined) return [];
  const known = new Set(images.map(({ name }) => name));
  return mentions(item).flatMap(({ image, path }) =>
    known.has(image) ? [] : [{ path, message: describe(image, images) }],
  );
}

function describe(image: string, images: readonly ImageName[]): string {
  const long = images.find(({ shortName }) => shortName === image)?.name;
  const quoted = JSON.stringify(image);
  if (long !== undefined)
    return `${quoted} is a short name, which counts here for no image; write ${JSON.stringify(long)}`;
  return `the repository has no image ${quoted}${didYouMean(
    image,
    images.map(({ name }) => name),
  )}`;
}

function mentions({ allowedImages = [], deniedImages = [], dependencies }: Package) {
  const found = [
    ...allowedImages.map((image, index) => ({ image, path: ["allowed_images", index] })),
    ...deniedImages.map((image, index) => ({ image, path: ["denied_images", index] })),
  ];
  for (const kind of dependencyKinds) {
    for (const [position, { condition }] of dependencies[kind].entries()) {
      const path = ["dependencies", kind, position, "condition", "in_image"];
      const { inImage = [] } = condition ?? {};
      if (typeof inImage === "string") found.push({ image: inImage, path });
      else for (const [index, image] of inImage.entries()) found.push({ image, path: [...path, index] });
    }
  }
  return found;
}
