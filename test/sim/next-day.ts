/**
 * What is left a day and more after all runs have ended, when somebody asks for all to go that nobody needs: nothing. All
 * processes are ended for that time, as there is nothing to see.
 */
import { askCluster } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import { DAY_MS, HOUR_MS } from "./world.ts";

const LATER_MS = 2 * DAY_MS;
const COLLECTED_MS = 120_000;
const LOOK_MS = 2_000;
const REQUEST = { olderThanMs: 6 * HOUR_MS, unreferencedForMs: 6 * HOUR_MS };

/** Lets the days pass, and collects; gives why that was not done, if it was not. */
export async function collectNextDay(
  cluster: Cluster,
  until: (condition: () => boolean, limitMs: number) => Promise<boolean>,
): Promise<string | undefined> {
  const { clock, coverage, trace } = cluster.world;
  cluster.world.isAsleep = true;
  for (const node of cluster.nodes) node.crash();
  await until(() => false, LATER_MS);
  cluster.world.isAsleep = false;
  trace.add("all", () => "DAYS LATER");
  coverage.count("collected days later");
  for (const coordinator of cluster.coordinators) coordinator.start();
  let phase = "nothing";
  const ask = (): void => {
    void askCluster(cluster, "gc", { collection: "last", ...REQUEST }).then((answer) => {
      phase = (answer?.result as { phase?: string } | undefined)?.phase ?? phase;
      clock.schedule(LOOK_MS, ask);
    });
  };
  ask();
  const isOver = (): boolean => phase === "done" || phase === "failed";
  await until(isOver, COLLECTED_MS);
  return phase === "done" ? undefined : `the collection days later is ${phase}`;
}
