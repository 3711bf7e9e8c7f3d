/** Row 8: a cluster that has nothing to do should cost nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessorTimes, Reading } from "../account/job-cost.ts";
import { atMost } from "../line.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { median, series } from "../series.ts";
import { Stage } from "../stage.ts";

export const idle: Row = { number: 8, name: "idle", measure };

async function measure(bench: Bench): Promise<RowResult> {
  await using stage = await Stage.open(bench.product, { agents: 3, isLoopWatched: false });
  const windowMs = bench.isShort ? 2_000 : 20_000;
  // What starting has left to do: garbage is collected, and what was compiled is kept for the next start.
  await sleep(windowMs);
  const shares: Share[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const [from, before] = [performance.now(), await stage.read()];
    await sleep(windowMs);
    const [to, after] = [performance.now(), await stage.read()];
    shares.push(shareOf(to - from, before, after));
  }
  const values = shares.map(({ coordinator, agents, server }) => coordinator + agents + server);
  const part = (name: keyof Share): string => median(shares.map((share) => share[name])).toFixed(2);
  return {
    lines: [
      {
        what: "idle: 1 coordinator, 3 agents, nats-server",
        ours: series("% of a core", values),
        target: atMost(1),
      },
    ],
    notes: [`coordinator ${part("coordinator")} %, agents ${part("agents")} %, server ${part("server")} %`],
  };
}

/** Of the time that passed, in percent. */
interface Share {
  readonly coordinator: number;
  readonly agents: number;
  readonly server: number;
}

function shareOf(passedMs: number, { times: before }: Reading, { times: after }: Reading): Share {
  const percent = (name: keyof ProcessorTimes): number => (100 * (after[name] - before[name])) / passedMs;
  return { coordinator: percent("coordinatorMs"), agents: percent("agentMs"), server: percent("serverMs") };
}
