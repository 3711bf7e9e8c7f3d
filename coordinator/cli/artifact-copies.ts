import type { Client } from "../../shared/client/client.ts";
import type { RunEvent } from "../../shared/model/event.ts";
import type { Artifact } from "../../shared/model/outcome.ts";

const CONCURRENT_COPIES = 4;

/** Where the artifacts of a run are copied to. */
export interface ArtifactTarget {
  /** As people know it. */
  readonly path: string;
  /** Makes what is there of the job its artifact. */
  replace(client: Client, job: string, artifact: Artifact): Promise<void>;
  /** The job has no artifact. */
  clear(job: string): Promise<void>;
  close(): Promise<void>;
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
    const pending = this.#jobs.entries();
    let copied = 0;
    const worker = async (): Promise<void> => {
      for (const [job, artifact] of pending) {
        signal.throwIfAborted();
        if (artifact === null) {
          await this.#out.clear(job);
        } else {
          await this.#out.replace(client, job, artifact);
          copied += 1;
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: CONCURRENT_COPIES }, worker));
    } finally {
      await this.#out.close();
    }
    return copied;
  }
}
