import { z } from "zod";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { mistakes } from "../../readers/packages/repository.ts";
import { ScriptRenderer } from "../../readers/packages/script.ts";
import { placedMistake } from "../../readers/packages/script-places.ts";
import { versionConstraint } from "../../readers/packages/version-constraint.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { patternValue } from "../option-values.ts";
import { descriptionLines } from "../package-questions/package-description.ts";
import {
  kindShape,
  packageDocument,
  printPackages,
  questionShape,
} from "../package-questions/question-shape.ts";
import { openPackages } from "../package-repository.ts";

const flag = z.boolean().default(false);

const schema = z.object({
  ...questionShape,
  ...kindShape,
  regex: patternValue,
  version: z.string().optional(),
  terse: flag,
  all: flag,
  sources: flag,
  dependencies: flag,
  patches: flag,
  env: flag,
  allowedImages: flag,
  deniedImages: flag,
  phases: flag,
  script: flag,
  lineNumbers: z.boolean().default(true),
});

/** `millrace find-pkg`: packages by a pattern, with the parts of them that are asked for. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const repository = await openPackages(input, context);
  const { regex, version, all } = input;
  const isMeant = version === undefined ? () => true : versionConstraint(version);
  const found = choosePackages(repository.packages, { matching: regex }).filter((item) =>
    isMeant(item.version),
  );
  if (found.length === 0) terminal.note("no package matches");
  const renderer = new ScriptRenderer(repository.config);
  const scriptOf = async (item: (typeof found)[number]): Promise<string | undefined> => {
    if (!input.script && !all) return undefined;
    const rendering = renderer.render(item);
    if (rendering.ok) return rendering.script;
    throw mistakes([await placedMistake(repository, item, rendering.mistake)]);
  };
  if (input.json) {
    const documents = found.map(async (item) => {
      const script = await scriptOf(item);
      return { ...packageDocument(item), ...(script === undefined ? {} : { script }) };
    });
    await printJson(terminal, await Promise.all(documents));
    return exitCode.succeeded;
  }
  if (input.terse) return await printPackages(found, false, context);
  for (const item of found) {
    const lines = descriptionLines(item, {
      sources: all || input.sources,
      dependencies: all || input.dependencies,
      dependencyType: input.dependencyType,
      patches: all || input.patches,
      environment: all || input.env,
      allowedImages: all || input.allowedImages,
      deniedImages: all || input.deniedImages,
      phases: all || input.phases,
      script: await scriptOf(item),
      lineNumbers: input.lineNumbers,
    });
    await terminal.write(`${lines.join("\n")}\n`);
  }
  return exitCode.succeeded;
});
