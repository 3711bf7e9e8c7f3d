import { z } from "zod";
import { defineCommand } from "../define-command.ts";
import { chooseSources, sourceChoiceShape } from "../source-choice.ts";
import { printSources, urlColumn } from "../source-listing.ts";

const schema = z.object(sourceChoiceShape);

/** `millrace source url`: where sources come from. */
export const command = defineCommand(schema, async (input, context) => {
  return await printSources(await chooseSources(input, context), urlColumn, input.json, context);
});
