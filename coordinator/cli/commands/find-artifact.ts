import { resolve } from "node:path";
import { z } from "zod";
import { MillraceError } from "../../../shared/model/error.ts";
import { givenEnvironment } from "../../readers/packages/build-environment.ts";
import { imageNamed } from "../../readers/packages/image-names.ts";
import type { Package } from "../../readers/packages/package.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import type { PackageRepository } from "../../readers/packages/repository.ts";
import type { RepositoryConfig } from "../../readers/packages/repository-config.ts";
import { ScriptRenderer } from "../../readers/packages/script.ts";
import { versionConstraint } from "../../readers/packages/version-constraint.ts";
import { type ArtifactQuestion, type FoundArtifact, searchStore } from "../../releases/artifact-search.ts";
import type { PackageStore } from "../../releases/package-store.ts";
import { releaseFolder } from "../../releases/release-store.ts";
import { readStagedRun, stagedRuns } from "../../releases/staging.ts";
import { artifactPlace } from "../artifact-place.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import type { Column } from "../format/table.ts";
import { printJson } from "../json-output.ts";
import { patternValue } from "../option-values.ts";
import { openPackages } from "../package-repository.ts";
import { releaseStores, storesShape } from "../release-choice.ts";
import { readStore } from "../store-lock.ts";
import { printTable } from "../table-output.ts";

const schema = z.object({
  ...storesShape,
  regex: patternValue,
  version: z.string().optional(),
  image: z.string().optional(),
  env: z.array(z.string()).default([]),
  scriptFilter: z.boolean().default(true),
  stagingDir: z.string().min(1).optional(),
  csv: z.boolean().default(false),
  json: z.boolean().default(false),
});
type Input = z.output<typeof schema>;

const columns: readonly Column[] = [
  { title: "PACKAGE", maxWidth: 40 },
  { title: "VERSION", maxWidth: 20 },
  { title: "SINCE" },
  { title: "PATH" },
  { title: "IMAGE", maxWidth: 60 },
  { title: "DIGEST", maxWidth: 12 },
];

/** `millrace find-artifact`: of each package the latest first. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal, environment } = context;
  const repository = await openPackages(input, context);
  const questions = questionsOf(repository, input, environment);
  const names = new Set(questions.map(({ name }) => name));
  const stores = await storesWith(names, input, repository.config);
  const found: FoundArtifact[] = [];
  for (const question of questions) {
    const artifacts = await Promise.all(stores.map((store) => searchStore(store, question)));
    found.push(...artifacts.flat().sort((left, right) => (left.at < right.at ? 1 : -1)));
  }
  if (input.json) await printJson(terminal, found);
  else if (found.length === 0) terminal.note("there is no such artifact");
  else {
    await printTable(
      terminal,
      columns,
      found.flatMap((artifact) => rowsOf(artifact)),
      input,
    );
  }
  return exitCode.succeeded;
});

function questionsOf(
  { packages, config }: PackageRepository,
  { regex, version, image: named, env, scriptFilter }: Input,
  around: NodeJS.ProcessEnv,
): ArtifactQuestion[] {
  const { pairs, mistakes } = givenEnvironment(env, around);
  if (mistakes.length > 0) throw new MillraceError("badInput", `--env ${mistakes.join("; ")}`);
  const image = named === undefined ? undefined : imageNamed(config, named);
  const fits = version === undefined ? () => true : versionConstraint(version);
  const chosen = choosePackages(packages, { matching: regex }).filter((item) => fits(item.version));
  const renderer = new ScriptRenderer(config);
  return chosen.flatMap((item): ArtifactQuestion[] => {
    const question = { name: item.name, version: item.version, image, environment: pairs };
    if (!scriptFilter) return [question];
    const script = renderedScript(renderer, item);
    // Nothing can have been made by a script that can't be rendered.
    if (script === undefined) return [];
    return [{ ...question, script, environment: [...pairs, ...(item.environment ?? [])] }];
  });
}

function renderedScript(renderer: ScriptRenderer, item: Package): string | undefined {
  const rendering = renderer.render(item);
  return rendering.ok ? rendering.script : undefined;
}

/** The release stores and, where staging is configured, all staged runs, with what they have of these packages. */
async function storesWith(
  names: ReadonlySet<string>,
  { releasesDir, stagingDir }: Input,
  config: RepositoryConfig,
): Promise<PackageStore[]> {
  const releases = releaseStores(releasesDir, config);
  const stores = await Promise.all(
    releases.names.map((name) => readStore(releaseFolder(releases, name), names)),
  );
  const staging = stagingDir === undefined ? config.folders.staging : resolve(stagingDir);
  if (staging === undefined) return stores;
  for (const run of await stagedRuns(staging))
    stores.push(...(await readStagedRun(staging, run, names)).stores);
  return stores;
}

/** One row for each file. */
function rowsOf({ name, version, provenance, paths, at }: FoundArtifact): string[][] {
  return paths.map((path) => [
    name,
    version,
    at,
    path,
    provenance === undefined ? "-" : artifactPlace(provenance),
    provenance?.artifact.digest ?? "-",
  ]);
}
