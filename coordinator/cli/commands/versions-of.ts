import { z } from "zod";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { defineCommand } from "../define-command.ts";
import { printPackages, questionShape } from "../package-questions/question-shape.ts";
import { openPackages } from "../package-repository.ts";

const schema = z.object({ ...questionShape, name: z.string() });

/** `millrace versions-of`: the versions of a package. */
export const command = defineCommand(schema, async ({ name, json, repo }, context) => {
  const { packages } = await openPackages({ repo }, context);
  return await printPackages(choosePackages(packages, { name }), json, context);
});
