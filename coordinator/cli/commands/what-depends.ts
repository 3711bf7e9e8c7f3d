import { z } from "zod";
import { dependantsOf, withDependants } from "../../readers/packages/dependants.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { defineCommand } from "../define-command.ts";
import {
  askedRepository,
  kindShape,
  printPackages,
  questionShape,
} from "../package-questions/question-shape.ts";

const schema = z.object({
  ...questionShape,
  ...kindShape,
  name: z.string(),
  version: z.string().optional(),
  transitive: z.boolean().default(false),
});

/** `millrace what-depends`: who names a package as a dependency, under any condition. */
export const command = defineCommand(schema, async (input, context) => {
  const { repository, index } = await askedRepository(input, context);
  const { packages } = repository;
  const { name, version, dependencyType } = input;
  const asked = choosePackages(packages, { name, version });
  const kinds = dependencyType === undefined ? {} : { kinds: [dependencyType] };
  const dependants = dependantsOf(packages, index, kinds);
  const found = input.transitive
    ? withDependants(asked, dependants)
    : new Set(asked.flatMap((item) => dependants.get(item) ?? []));
  if (input.transitive) for (const item of asked) found.delete(item);
  return await printPackages(
    packages.filter((item) => found.has(item)),
    input.json,
    context,
  );
});
