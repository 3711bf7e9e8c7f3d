import { z } from "zod";
import { dependencyKinds } from "../../readers/packages/package.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { resolvedGraph } from "../../readers/packages/resolved-graph.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { dependencyWords } from "../package-questions/package-description.ts";
import {
  askedRepository,
  askedSite,
  dependencyDocument,
  kindShape,
  printPackages,
  questionShape,
  siteShape,
} from "../package-questions/question-shape.ts";
import { printTable } from "../table-output.ts";

const schema = z.object({
  ...questionShape,
  ...siteShape,
  ...kindShape,
  name: z.string(),
  version: z.string().optional(),
  transitive: z.boolean().default(false),
});

/** `millrace dependencies-of`: what a package names itself, or all that it takes where a build would happen. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const { repository, index } = await askedRepository(input, context);
  const { name, version, dependencyType } = input;
  const asked = choosePackages(repository.packages, { name, version });
  if (input.transitive) {
    const graph = await resolvedGraph(repository, index, asked, askedSite(repository, input, context));
    const others = graph.packages.filter((item) => !asked.includes(item));
    return await printPackages(others, input.json, context);
  }
  const kinds = dependencyType === undefined ? dependencyKinds : [dependencyType];
  const found = asked.flatMap((item) =>
    kinds.flatMap((kind) => item.dependencies[kind].map((dependency) => ({ item, kind, dependency }))),
  );
  if (input.json) {
    const documents = found.map(({ item, kind, dependency }) => ({
      package: item.name,
      version: item.version,
      kind,
      ...dependencyDocument(dependency),
    }));
    await printJson(terminal, documents);
    return exitCode.succeeded;
  }
  const columns = [{ title: "PACKAGE" }, { title: "VERSION" }, { title: "KIND" }, { title: "DEPENDENCY" }];
  const rows = found.map(({ item, kind, dependency }) => [
    item.name,
    item.version,
    kind,
    dependencyWords(dependency),
  ]);
  if (rows.length > 0) await printTable(terminal, columns, rows);
  return exitCode.succeeded;
});
