import { access } from "node:fs/promises";
import { z } from "zod";
import { defineCommand } from "../define-command.ts";
import { chooseSources, sourceChoiceShape } from "../source-choice.ts";
import { pathColumn, printSources } from "../source-listing.ts";

const schema = z.object(sourceChoiceShape);

/** `millrace source list-missing`: what is not in the cache; whether the rest is right, `verify` tells. */
export const command = defineCommand(schema, async (input, context) => {
  const sources = await chooseSources(input, context);
  const present = await Promise.all(
    sources.map(({ path }) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  const missing = sources.filter((_, index) => !present[index]);
  const nothing = sources.length === 0 ? "there is no such source" : "no source is missing";
  return await printSources(missing, pathColumn, input.json, context, nothing);
});
