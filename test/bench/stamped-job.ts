/** Jobs that tell when they began or ended by the host's clock, for what happens before and after a command. */
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import type { Stage } from "./stage.ts";

/** Prints the time in nanoseconds as the last line of the log. */
export const stamp = "date +%s%N";

const NANOSECONDS_PER_MS = 1e6;

/** What stands before and after the commands of two jobs, of which the second one needs the first one's outputs. */
export interface Transfer {
  /** From the end of the first command to the end of its job: its outputs are stored. */
  readonly inMs: number;
  /** From there to the start of the second command: they are in its workspace. */
  readonly outMs: number;
}

/** `make` ends its command with a stamp, `take` has nothing but a stamp. */
export async function transfer(stage: Stage, make: JobSpecInput, take: JobSpecInput): Promise<Transfer> {
  const { run } = await stage.client.submit({ jobs: [make, take] });
  const view = await stage.client.waitFor(run);
  if (view.status !== "succeeded") throw new Error(`the transfer ended as ${view.status}: ${view.reason}`);
  const [madeMs, takenMs] = [await stampOf(stage, run, make.name), await stampOf(stage, run, take.name)];
  const storedMs = await endOf(stage, run, make.name);
  return { inMs: storedMs - madeMs, outMs: takenMs - storedMs };
}

async function stampOf(stage: Stage, run: string, job: string): Promise<number> {
  const [line] = await stage.client.logTail(run, job, 1);
  return Number(line) / NANOSECONDS_PER_MS;
}

async function endOf(stage: Stage, run: string, job: string): Promise<number> {
  for await (const { attempts } of stage.client.jobs(run, { job })) {
    const endedAt = attempts.at(-1)?.endedAt;
    if (endedAt) return Date.parse(endedAt);
  }
  throw new Error(`${job} has not ended`);
}
