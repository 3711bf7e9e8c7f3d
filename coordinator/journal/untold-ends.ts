/**
 * Runs whose end is in the journal and not in the event log: their leader died between the two, or its event stream
 * took nothing any more. Whoever follows such a run would wait for ever, so the next leader tells what is missing.
 *
 * A run of which the log has nothing at all may as well have been told, and its events have made room for others since,
 * oldest first. Telling them again would push out those of later runs: so it counts only when it was among the last to end.
 */
import type { RunView } from "../../shared/model/api.ts";
import type { EventLog } from "./journal.ts";

/** How many runs are asked about at a time. */
const AT_A_TIME = 64;
/** Before the last end of all, by which a leader may have died with a run untold. */
const LATELY_MS = 3600_000;

/** Those of the ended runs whose events do not end with `run.finished`. */
export async function findUntoldEnds(
  ended: readonly Pick<RunView, "run" | "endedAt">[],
  eventLog: Pick<EventLog, "ending">,
): Promise<string[]> {
  const untold: string[] = [];
  const lastEndMs = ended.reduce((latest, view) => Math.max(latest, endMs(view)), 0);
  const waiting = [...ended];
  while (waiting.length > 0) {
    const views = waiting.splice(0, AT_A_TIME);
    const endings = await Promise.all(views.map(({ run }) => eventLog.ending(run)));
    views.forEach((view, index) => {
      const isLate = endMs(view) >= lastEndMs - LATELY_MS;
      if (endings[index] === "untold" || (endings[index] === "nothing" && isLate)) untold.push(view.run);
    });
  }
  return untold;
}

function endMs({ endedAt }: Pick<RunView, "endedAt">): number {
  return endedAt === null ? 0 : Date.parse(endedAt);
}
