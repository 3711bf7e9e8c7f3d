/** `make` and `ninja` on the same graph, so many jobs at a time, each job in a shell of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { makefileOf, scriptOf } from "../../support/layered-graph.ts";
import { isInstalled, timeOf } from "./command.ts";

export class BuildTools {
  readonly #folder: string;
  readonly #slots: number;
  readonly hasNinja: boolean;

  private constructor(folder: string, slots: number, hasNinja: boolean) {
    this.#folder = folder;
    this.#slots = slots;
    this.hasNinja = hasNinja;
  }

  static async open(jobs: readonly JobSpecInput[], slots = 2): Promise<BuildTools> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
    await writeFile(join(folder, "Makefile"), makefileOf(jobs));
    await writeFile(join(folder, "build.ninja"), ninjaFileOf(jobs));
    return new BuildTools(folder, slots, await isInstalled("ninja"));
  }

  make(): Promise<number> {
    return timeOf("make", [`-j${this.#slots}`, "-s", "all"], { folder: this.#folder });
  }

  ninja(): Promise<number> {
    return timeOf("ninja", [`-j${this.#slots}`, "--quiet"], { folder: this.#folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** No job makes the file it is named for, so all of them run every time. */
function ninjaFileOf(jobs: readonly JobSpecInput[]): string {
  const edges = jobs.map((job) => {
    const needs = (job.needs ?? []).map((need) => need.job).join(" ");
    return `build ${job.name}: run ${needs}\n  script = ${scriptOf(job)}\n`;
  });
  return `rule run\n  command = $script;:\n${edges.join("")}`;
}
