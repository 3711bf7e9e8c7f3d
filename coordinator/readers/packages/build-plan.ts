/**
 * What a build runs: a job for each package, version and image, in an order that respects the needs. Everything that can
 * be wrong with it (dependencies, images, variables, scripts) is found before anything starts, all at once.
 */
import type { Pairs } from "../../../shared/model/job-spec.ts";
import type { Problem } from "../source-text.ts";
import { jobEnvironment, variableObstacle } from "./build-environment.ts";
import { imageObstacle } from "./image-names.ts";
import { type Package, packageTitle } from "./package.ts";
import { type PackageGraph, packageGraph } from "./package-graph.ts";
import type { PackageIndex } from "./package-index.ts";
import { problemAt } from "./package-places.ts";
import type { PackageRepository } from "./repository.ts";
import { ScriptRenderer } from "./script.ts";
import { placedMistake } from "./script-places.ts";

export interface BuildRequest {
  readonly roots: readonly Package[];
  /** Long names; undefined for no image at all. */
  readonly images: readonly (string | undefined)[];
  /** What the user sets, which conditions of dependencies see. */
  readonly env: Pairs;
  /** What is set beside that: facts of the repository. */
  readonly facts: Pairs;
  /** First line of the scripts, instead of the configured one. */
  readonly shebang?: string | undefined;
}

export interface PlannedJob {
  readonly name: string;
  readonly package: Package;
  readonly image: string | undefined;
  /** Names of jobs. */
  readonly needs: readonly string[];
  readonly script: string;
  readonly env: Pairs;
}

export type BuildPlanning =
  | { readonly ok: true; readonly jobs: readonly PlannedJob[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Plans a build. Mistakes in files have their places; those of the request are found before, by who makes it. */
export async function planBuild(
  repository: PackageRepository,
  index: PackageIndex,
  request: BuildRequest,
): Promise<BuildPlanning> {
  const planning = new Planning(repository, request);
  const jobs = request.images.flatMap((image) => planning.jobsIn(image, index));
  const problems = await planning.problems();
  return problems.length > 0 ? { ok: false, problems } : { ok: true, jobs };
}

/** How a job is called: `zlib 1.3 (debian:12)`. */
export function jobName(item: Package, image: string | undefined): string {
  return image === undefined ? packageTitle(item) : `${packageTitle(item)} (${image})`;
}

class Planning {
  readonly #repository: PackageRepository;
  readonly #request: BuildRequest;
  readonly #renderer: ScriptRenderer;
  /** By what they say, as images share most of them. */
  readonly #problems = new Map<string, Promise<Problem>>();
  readonly #scripts = new Map<Package, string>();

  constructor(repository: PackageRepository, request: BuildRequest) {
    this.#repository = repository;
    this.#request = request;
    this.#renderer = new ScriptRenderer(repository.config, request.shebang);
  }

  async problems(): Promise<Problem[]> {
    return await Promise.all(this.#problems.values());
  }

  jobsIn(image: string | undefined, index: PackageIndex): PlannedJob[] {
    const { roots, env } = this.#request;
    const reading = packageGraph(index, roots, { image, env });
    if (reading.ok) return this.#jobsOf(reading.graph, image);
    for (const { package: item, kind, position, message } of reading.mistakes) {
      this.#report(item, ["dependencies", kind, position], message);
    }
    return [];
  }

  #jobsOf({ packages, needs }: PackageGraph, image: string | undefined): PlannedJob[] {
    const { env, facts } = this.#request;
    const names = packages.map((item) => jobName(item, image));
    return packages.map((item, position) => {
      this.#checkImage(item, image);
      this.#checkEnvironment(item);
      return {
        name: names[position]!,
        package: item,
        image,
        needs: needs[position]!.map((need) => names[need.index]!),
        script: this.#scriptOf(item),
        env: jobEnvironment([...env, ...facts], item),
      };
    });
  }

  #checkImage(item: Package, image: string | undefined): void {
    const obstacle = image === undefined ? undefined : imageObstacle(item, image);
    if (obstacle === undefined) return;
    const key = obstacle.includes("denied_images") ? "denied_images" : "allowed_images";
    this.#report(item, [key], `${packageTitle(item)} can't be built in ${image}: ${obstacle}`);
  }

  #checkEnvironment(item: Package): void {
    for (const [variable] of item.environment ?? []) {
      const obstacle = variableObstacle(this.#repository.config, variable);
      if (obstacle !== undefined) this.#report(item, ["environment", variable], obstacle);
    }
  }

  #scriptOf(item: Package): string {
    const known = this.#scripts.get(item);
    if (known !== undefined) return known;
    const rendering = this.#renderer.render(item);
    const script = rendering.ok ? rendering.script : "";
    this.#scripts.set(item, script);
    if (!rendering.ok) {
      const { mistake } = rendering;
      const key = `${packageTitle(item)}: ${mistake.message}`;
      this.#problems.set(key, placedMistake(this.#repository, item, mistake));
    }
    return script;
  }

  #report(item: Package, path: readonly (string | number)[], message: string): void {
    const key = `${item.folder}:${message}`;
    if (!this.#problems.has(key)) {
      this.#problems.set(key, problemAt(this.#repository, item.folder, path, message));
    }
  }
}
