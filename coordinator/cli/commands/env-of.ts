import { z } from "zod";
import { PackageIndex } from "../../readers/packages/package-index.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { questionShape } from "../package-questions/question-shape.ts";
import { openPackages } from "../package-repository.ts";

const schema = z.object({ ...questionShape, name: z.string(), version: z.string().optional() });

/** `millrace env-of`: the variables that a package sets itself. */
export const command = defineCommand(schema, async ({ name, version, json, repo }, context) => {
  const { packages } = await openPackages({ repo }, context);
  const { environment = [] } = new PackageIndex(packages).one(name, version);
  if (json) await printJson(context.terminal, environment);
  else for (const [variable, value] of environment) await context.terminal.print(`${variable}=${value}`);
  return exitCode.succeeded;
});
