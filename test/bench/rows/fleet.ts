/** Row 9: a large fleet of which few have work: what the heartbeats of the others cost the coordinator. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectBus } from "../../../shared/bus/connection.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { Crowd } from "../crowd.ts";
import { independent } from "../graphs/plain.ts";
import { atMost } from "../line.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";

export const fleet: Row = { number: 9, name: "fleet", measure };

const HEARTBEAT_MS = 2_000;
const BUSY = 10;
const UP_LIMIT_MS = 60_000;

async function measure(bench: Bench): Promise<RowResult> {
  const count = bench.isShort ? 100 : 1_000;
  const windowMs = bench.isShort ? 2_000 : 10_000;
  await using stage = await Stage.open(bench.product, { agents: 0 });
  const bus = await connectBus({ server: stage.server.url, name: "crowd", namespace: "default" });
  const crowd = new Crowd(bus, count, HEARTBEAT_MS);
  try {
    await stage.agentsAreUp(count);
    await stage.client.submit({ jobs: independent(BUSY) });
    await waitUntil("some have work", () => crowd.busy === BUSY, { timeoutMs: UP_LIMIT_MS });
    await sleep(windowMs / 4);
    const values: number[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      const [from, before] = [performance.now(), await stage.read()];
      await sleep(windowMs);
      const [to, after] = [performance.now(), await stage.read()];
      values.push((100 * (after.times.coordinatorMs - before.times.coordinatorMs)) / (to - from));
    }
    const what = `${count} agents, a heartbeat every 2 s, ${BUSY} busy: the coordinator`;
    return { lines: [{ what, ours: series("% of a core", values), target: atMost(5) }] };
  } finally {
    crowd.stop();
    await bus.close();
  }
}
