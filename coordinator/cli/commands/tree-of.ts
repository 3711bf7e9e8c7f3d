import { z } from "zod";
import { packageTitle } from "../../readers/packages/package.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { resolvedGraph } from "../../readers/packages/resolved-graph.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { dotText, treeLines } from "../package-questions/package-drawing.ts";
import { askedRepository, askedSite, questionShape, siteShape } from "../package-questions/question-shape.ts";

const schema = z.object({
  ...questionShape,
  ...siteShape,
  name: z.string(),
  version: z.string().optional(),
  dot: z.boolean().default(false),
  serialBuildorder: z.boolean().default(false),
});

/** `millrace tree-of`: what a package takes along. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const { repository, index } = await askedRepository(input, context);
  const { name, version } = input;
  const roots = choosePackages(repository.packages, { name, version });
  const graph = await resolvedGraph(repository, index, roots, askedSite(repository, input, context));
  const titles = graph.packages.map(packageTitle);
  if (input.json) {
    const packages = graph.packages.map((item, at) => ({
      name: item.name,
      version: item.version,
      needs: graph.needs[at]!.map(({ index: needed, kinds }) => ({
        name: graph.packages[needed]!.name,
        version: graph.packages[needed]!.version,
        kinds,
      })),
    }));
    await printJson(terminal, { roots: graph.roots.map((root) => titles[root]), packages });
  } else if (input.dot) await terminal.write(dotText(graph));
  else {
    const lines = input.serialBuildorder ? titles : treeLines(graph, terminal.unicode);
    await terminal.write(`${lines.join("\n")}\n`);
  }
  return exitCode.succeeded;
});
