/**
 * Where a job would run, as far as that is known before it has a slot: what its key needs. All agents that could run it must
 * be the same in this, as any of them may get it.
 */
import { ability } from "../../shared/model/messages.ts";
import type { RanOn } from "../../shared/model/outcome.ts";
import type { Offer } from "./requirement.ts";

export type ExpectedPlace =
  | { readonly kind: "known"; readonly place: RanOn }
  /** Nobody can say it. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** Somebody may say it soon. */
  | { readonly kind: "open" };

/** Of a job without an image; `fitting` are the agents that could run it. */
export function placeOnHosts(fitting: readonly Offer[]): ExpectedPlace {
  const [first] = fitting;
  if (first === undefined) return { kind: "open" };
  if (first.identity === undefined) return unknown(`${first.name} does not tell on what kind of host it is`);
  const other = fitting.find(({ identity }) => identity !== first.identity);
  if (other === undefined) return { kind: "known", place: { host: first.identity } };
  const kind = other.identity ?? "of an unknown kind";
  return unknown(`its hosts differ: ${first.name} is ${first.identity}, ${other.name} is ${kind}`);
}

/** What agents have said of an image: its digest, or null where they do not have it. */
export type FoundImages = ReadonlyMap<string, string | null>;

/** Of a job with an image. An agent that does not have it would fetch it, and may get another one than others have. */
export function placeInImage(
  image: string,
  fitting: readonly Offer[],
  found: FoundImages,
  isOver: boolean,
): ExpectedPlace {
  const asked = fitting.filter(({ abilities }) => abilities.includes(ability.hostQuestions));
  const told = asked.filter(({ name }) => found.has(name));
  if (told.length < asked.length && !isOver) return { kind: "open" };
  const having = told.flatMap(({ name }) => {
    const digest = found.get(name) ?? null;
    return digest === null ? [] : [{ name, digest }];
  });
  const [first] = having;
  if (first === undefined) {
    if (fitting.length === 0) return { kind: "open" };
    return unknown(`no agent has the image ${image} as yet, so its digest is not known`);
  }
  const other = having.find(({ digest }) => digest !== first.digest);
  if (other === undefined) return { kind: "known", place: { image: first.digest } };
  return unknown(`the image ${image} is another one on ${first.name} than on ${other.name}`);
}

function unknown(reason: string): ExpectedPlace {
  return { kind: "unknown", reason };
}
