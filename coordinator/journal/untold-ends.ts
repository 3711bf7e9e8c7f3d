/**
 * Runs whose end is in the journal and not in the event log: their leader died between the two, or its event stream
 * took nothing any more. Whoever follows such a run would wait for ever, so the next leader tells what is missing.
 */
import type { EventLog } from "./journal.ts";

/** How many runs are asked about at a time. */
const AT_A_TIME = 64;

/** Those of the ended runs whose events do not end with `run.finished`. */
export async function findUntoldEnds(
  ended: Iterable<string>,
  eventLog: Pick<EventLog, "hasEnd">,
): Promise<string[]> {
  const untold: string[] = [];
  const waiting = [...ended];
  while (waiting.length > 0) {
    const runs = waiting.splice(0, AT_A_TIME);
    const told = await Promise.all(runs.map((run) => eventLog.hasEnd(run)));
    untold.push(...runs.filter((_, index) => told[index] === false));
  }
  return untold;
}
