import type { Client } from "../../shared/client/client.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { Artifact } from "../../shared/model/outcome.ts";

/** Where the artifacts of a run are copied to. */
export interface ArtifactTarget {
  /** As people know it. */
  readonly path: string;
  /** Makes what is there of each job its artifact, or nothing where that is null. */
  take(client: Client, artifacts: ReadonlyMap<string, Artifact | null>, signal: AbortSignal): Promise<void>;
}

/** Remembers from a run's events which jobs have something to copy, and copies it when the run has ended. */
export class ArtifactCopies {
  readonly #out: ArtifactTarget;
  readonly #jobs = new Map<string, Artifact | null>();

  constructor(out: ArtifactTarget) {
    this.#out = out;
  }

  onEvent(event: RunEvent): void {
    if (event.type === "job.succeeded" || event.type === "job.reused")
      this.#jobs.set(event.job, event.artifact);
  }

  /** Resolves with the number of jobs whose artifact was copied. */
  async copy(client: Client, signal: AbortSignal): Promise<number> {
    await this.#out.take(client, this.#jobs, signal);
    return [...this.#jobs.values()].filter((artifact) => artifact !== null).length;
  }
}
