import type { Provenance } from "../../shared/model/provenance.ts";

/** What an artifact was made for, for people: the image, and that it was made on a host all the same where it was. */
export function artifactPlace({ image, ranOn }: Pick<Provenance, "image" | "ranOn">): string {
  if (ranOn === null || !("host" in ranOn)) return image ?? "-";
  return image === null ? ranOn.host : `${image} (made on ${ranOn.host})`;
}
