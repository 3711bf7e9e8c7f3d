import { z } from "zod";
import { defineCommand } from "../define-command.ts";
import { chooseSources, sourceChoiceShape } from "../source-choice.ts";
import { pathColumn, printSources } from "../source-listing.ts";

const schema = z.object(sourceChoiceShape);

/** `millrace source of`: where the files of sources belong, whether they are there or not. */
export const command = defineCommand(schema, async (input, context) => {
  return await printSources(await chooseSources(input, context), pathColumn, input.json, context);
});
