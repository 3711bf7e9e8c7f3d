import { waitUntil } from "../../support/wait-until.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { JobBook } from "./job-book.ts";

export interface KillSeries {
  /** Before the first kill. */
  readonly afterMs: number;
  /** At the least between two kills; how much longer is up to chance, within `spreadMs`. */
  readonly everyMs: number;
  readonly spreadMs: number;
  readonly most: number;
}

/** Kills and restarts the agent at any moment while it works on the jobs; resolves with how often, once all are done. */
export async function killWhileWorking(
  agent: AgentProcess,
  book: JobBook,
  { afterMs, everyMs, spreadMs, most }: KillSeries,
): Promise<number> {
  let kills = 0;
  let nextKill = performance.now() + afterMs;
  await waitUntil(
    "every job has a result",
    async () => {
      book.work();
      if (performance.now() < nextKill || kills === most) return book.isDone;
      await agent.signal("SIGKILL");
      agent.start();
      kills += 1;
      nextKill = performance.now() + everyMs + Math.random() * spreadMs;
      return false;
    },
    {
      timeoutMs: 150_000,
      diagnose: () => ({ log: agent.log(), open: book.jobs.filter(({ results }) => results.length === 0) }),
    },
  );
  return kills;
}
