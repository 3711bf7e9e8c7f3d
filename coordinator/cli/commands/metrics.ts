import { z } from "zod";
import { dependencyKinds } from "../../readers/packages/package.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { questionShape } from "../package-questions/question-shape.ts";
import { openPackages } from "../package-repository.ts";
import { printTable } from "../table-output.ts";

const schema = z.object(questionShape);

/** `millrace metrics`: how much there is of everything in a repository. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const { packages, config } = await openPackages(input, context);
  const total = (count: (item: (typeof packages)[number]) => number): number =>
    packages.reduce((sum, item) => sum + count(item), 0);
  const counts = {
    packages: new Set(packages.map(({ name }) => name)).size,
    versions: packages.length,
    dependencies: total(({ dependencies }) =>
      dependencyKinds.reduce((sum, kind) => sum + dependencies[kind].length, 0),
    ),
    sources: total(({ sources }) => sources.length),
    sourcesByHand: total(({ sources }) => sources.filter(({ downloadManually }) => downloadManually).length),
    patches: total(({ patches }) => patches.length),
    phases: config.availablePhases.length,
    images: config.images?.length ?? 0,
    releaseStores: config.releaseStores.length,
  };
  if (input.json) await printJson(terminal, counts);
  else {
    const columns = [{ title: "WHAT" }, { title: "COUNT", align: "right" as const }];
    const rows = Object.entries(counts).map(([what, count]) => [words(what), String(count)]);
    await printTable(terminal, columns, rows);
  }
  return exitCode.succeeded;
});

/** `releaseStores` as `release stores`. */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
