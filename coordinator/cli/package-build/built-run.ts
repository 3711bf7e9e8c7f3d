/** What a run of packages has come to, read when it has ended: its jobs, what needed what, and which attempts made what it reused. */
import type { Client } from "../../../shared/client/client.ts";
import type { JobView } from "../../../shared/model/api.ts";
import { MillraceError } from "../../../shared/model/error.ts";
import type { BuiltGraph, Provenance } from "../../../shared/model/provenance.ts";
import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { digestOfText } from "../../releases/content-digest.ts";

/** How an artifact was made. */
export type Execution = Pick<Provenance, "made" | "ranOn" | "implicit">;

/** As many as a listing has to give in one answer. */
const ASKED_AT_ONCE = 500;

/** Jobs by name. */
type Views = ReadonlyMap<string, JobView>;

export class BuiltRun {
  readonly #run: string;
  readonly #views: Views;
  /** Jobs of earlier runs that jobs of this one were reused from, by run. */
  readonly #earlier: ReadonlyMap<string, Views>;
  /** What needed what, as the artifacts have it beside them. */
  readonly graph: { readonly digest: string; readonly text: string };

  private constructor(
    run: string,
    views: Views,
    earlier: ReadonlyMap<string, Views>,
    jobs: readonly PlannedJob[],
  ) {
    this.#run = run;
    this.#views = views;
    this.#earlier = earlier;
    const text = `${JSON.stringify(builtGraph(views, jobs))}\n`;
    this.graph = { digest: digestOfText(text), text };
  }

  static async read(client: Client, run: string, jobs: readonly PlannedJob[]): Promise<BuiltRun> {
    const views = new Map<string, JobView>();
    for await (const view of client.jobs(run)) views.set(view.job, view);
    return new BuiltRun(run, views, await earlierViews(client, views.values()), jobs);
  }

  /** Digest of what a job has made, or of what was made for it. */
  artifactOf(job: string): string | undefined {
    return this.#views.get(job)?.artifact?.digest;
  }

  /** The attempt that made the artifact: of a reused job, one of an earlier run, if that is still known. */
  executionOf(job: string): Execution {
    const view = this.#views.get(job);
    const reused = view?.reusedFrom ?? undefined;
    const executed = reused === undefined ? view : this.#earlier.get(reused.run)?.get(reused.job);
    const number = reused?.attempt ?? view?.attempts.at(-1)?.attempt ?? 1;
    const attempt = executed?.attempts.find((known) => known.attempt === number);
    return {
      made: {
        run: reused?.run ?? this.#run,
        job: reused?.job ?? job,
        attempt: number,
        agent: reused?.agent ?? attempt?.agent ?? null,
        startedAt: attempt?.startedAt ?? null,
        endedAt: attempt?.endedAt ?? null,
      },
      ranOn: attempt?.ranOn ?? null,
      implicit: attempt?.implicit ?? false,
    };
  }
}

function builtGraph(views: Views, jobs: readonly PlannedJob[]): BuiltGraph {
  const place = new Map(jobs.map(({ name }, position) => [name, position]));
  return {
    v: 1,
    jobs: jobs.map(({ name, package: item, needs }) => ({
      job: name,
      package: { name: item.name, version: item.version },
      artifact: views.get(name)?.artifact?.digest ?? null,
      needs: needs.flatMap((need) => place.get(need) ?? []),
    })),
  };
}

/** The jobs of earlier runs that these were reused from; those of runs that are no longer kept are left out. */
async function earlierViews(client: Client, views: Iterable<JobView>): Promise<Map<string, Views>> {
  const names = new Map<string, Set<string>>();
  for (const { reusedFrom } of views) {
    if (reusedFrom === null) continue;
    names.set(reusedFrom.run, (names.get(reusedFrom.run) ?? new Set()).add(reusedFrom.job));
  }
  const found = new Map<string, Views>();
  for (const [run, asked] of names) found.set(run, await viewsOf(client, run, [...asked]));
  return found;
}

async function viewsOf(client: Client, run: string, names: readonly string[]): Promise<Views> {
  const views = new Map<string, JobView>();
  try {
    for (let from = 0; from < names.length; from += ASKED_AT_ONCE) {
      const asked = names.slice(from, from + ASKED_AT_ONCE);
      for await (const view of client.jobs(run, { names: asked })) views.set(view.job, view);
    }
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "notFound") throw error;
  }
  return views;
}
