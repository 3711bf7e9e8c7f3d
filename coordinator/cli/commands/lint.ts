import { z } from "zod";
import { unknownImages } from "../../readers/packages/image-mentions.ts";
import { type Package, packageTitle } from "../../readers/packages/package.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import { dependencyMistakes } from "../../readers/packages/package-graph.ts";
import { PackageIndex } from "../../readers/packages/package-index.ts";
import { problemAt } from "../../readers/packages/package-places.ts";
import type { PackageRepository } from "../../readers/packages/repository.ts";
import { ScriptRenderer } from "../../readers/packages/script.ts";
import { placedMistake } from "../../readers/packages/script-places.ts";
import { formatProblem, type Problem } from "../../readers/source-text.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printJson } from "../json-output.ts";
import { type LintedScript, lintScripts, phaseFindings } from "../package-build/script-linting.ts";
import { questionShape } from "../package-questions/question-shape.ts";
import { openPackages } from "../package-repository.ts";

const schema = z.object({ ...questionShape, name: z.string().optional(), version: z.string().optional() });

/** What is wrong with a package, in words; with its place where it has one. */
interface Finding {
  readonly package: string;
  readonly text: string;
}

/** `millrace lint`: everything that can be known of packages without building them. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const repository = await openPackages(input, context);
  const { name, version } = input;
  const packages = choosePackages(repository.packages, { name, version });
  const { scripts, findings } = await renderedScripts(repository, packages);
  for (const item of packages) {
    findings.push(
      ...phaseFindings(item, repository.config.availablePhases).map((text) => finding(item, text)),
    );
    for (const { path, message } of unknownImages(item, repository.config))
      findings.push(placed(item, await problemAt(repository, item.folder, path, message)));
  }
  for (const mistake of dependencyMistakes(new PackageIndex(repository.packages), packages)) {
    const { package: item, kind, position, message } = mistake;
    const path = ["dependencies", kind, position];
    findings.push(placed(item, await problemAt(repository, item.folder, path, message)));
  }
  const { scriptLinter } = repository.config;
  if (scriptLinter === undefined)
    terminal.note("the configuration names no script_linter: scripts are only rendered");
  else {
    const said = await lintScripts(repository.root, scriptLinter, scripts);
    findings.push(...said.map(({ package: item, text }) => finding(item, `${packageTitle(item)}:\n${text}`)));
  }
  if (input.json) await printJson(terminal, findings);
  else for (const { text } of findings) await terminal.print(text);
  if (findings.length === 0)
    terminal.note(`${packages.length} package${packages.length === 1 ? "" : "s"}, no mistakes`);
  return findings.length === 0 ? exitCode.succeeded : exitCode.checkFailed;
});

function finding(item: Package, text: string): Finding {
  return { package: packageTitle(item), text };
}

async function renderedScripts(
  repository: PackageRepository,
  packages: readonly Package[],
): Promise<{ readonly scripts: LintedScript[]; readonly findings: Finding[] }> {
  const renderer = new ScriptRenderer(repository.config);
  const scripts: LintedScript[] = [];
  const findings: Finding[] = [];
  for (const item of packages) {
    const rendering = renderer.render(item);
    if (rendering.ok) scripts.push({ package: item, script: rendering.script });
    else findings.push(placed(item, await placedMistake(repository, item, rendering.mistake)));
  }
  return { scripts, findings };
}

function placed(item: Package, problem: Problem): Finding {
  return finding(item, formatProblem(problem));
}
