/** The sources that a `millrace source` command is about. */
import { z } from "zod";
import { choosePackages } from "../readers/packages/package-choice.ts";
import { type CachedSource, cachedSources } from "../sources/source-cache.ts";
import type { CommandContext } from "./command-context.ts";
import { patternValue } from "./option-values.ts";
import { openPackages, storeFolder } from "./package-repository.ts";

/** What all of them take. */
export const sourceChoiceShape = {
  repo: z.string().min(1).optional(),
  sourceCache: z.string().min(1).optional(),
  package: z.string().optional(),
  version: z.string().optional(),
  matching: patternValue.optional(),
  json: z.boolean().default(false),
};

type SourceChoice = z.output<z.ZodObject<typeof sourceChoiceShape>>;

/** In the order of the packages and of their sources' ids. */
export async function chooseSources(input: SourceChoice, context: CommandContext): Promise<CachedSource[]> {
  const { packages, config } = await openPackages(input, context);
  const cache = storeFolder(input.sourceCache, config.folders, "sourceCache");
  const { package: name, version, matching } = input;
  return cachedSources(cache, choosePackages(packages, { name, version, matching }));
}

/** A source as listings in JSON have it. */
export interface ListedSource {
  readonly package: string;
  readonly version: string;
  readonly source: string;
  readonly url: string;
  readonly path: string;
}

export function listedSource({ package: owner, source, path }: CachedSource): ListedSource {
  return { package: owner.name, version: owner.version, source: source.id, url: source.url, path };
}
