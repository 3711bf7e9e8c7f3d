import assert from "node:assert/strict";
import { runRecordsSchema } from "../../../coordinator/core/record.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import { layeredJobs } from "../../support/layered-graph.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { leaderOf } from "../leader.ts";
import type { Scenario } from "../scenario.ts";

const JOBS = 10_000;
const RUN = "takeover";
const LIMIT_MS = 120_000;

interface Takeover {
  readonly how: "kill" | "stop";
  readonly limitMs: number;
}

const takeovers: readonly Takeover[] = [
  { how: "kill", limitMs: 5_000 },
  { how: "stop", limitMs: 1_000 },
  { how: "kill", limitMs: 5_000 },
  { how: "stop", limitMs: 1_000 },
];

/** How long nobody leads: from the end of a leader to the first job that starts under the next, 10,000 jobs going. */
export const takeover: Scenario = {
  summary: "the leader killed, and stopped in order, with 10,000 jobs going",
  stage: { heartbeatMs: 2_000, lostAfterMs: 15_000 },
  async play({ stage, client, say }) {
    const starts = new Starts(await stage.bus("chaos"));
    await client.submit({ jobs: layeredJobs(JOBS) }, { run: RUN });
    for (const { how, limitMs } of takeovers) {
      const before = starts.count;
      await waitUntil("a thousand jobs more have started", () => starts.count > before + 1_000, {
        timeoutMs: LIMIT_MS,
      });
      const leader = await leaderOf(stage);
      const { epoch } = await client.status();
      const struckMs = performance.now();
      const next = starts.firstAbove(epoch);
      const ended = leader[how]();
      const tookMs = (await next) - struckMs;
      say(`${how}: the next leader starts a job after ${tookMs.toFixed(0)} ms (limit ${limitMs} ms)`);
      assert.ok(tookMs <= limitMs, "it took too long");
      await ended;
      leader.start();
    }
    const { status } = await client.waitFor(RUN);
    assert.equal(status, "succeeded");
  },
};

/** Follows the journal as it is written: who starts jobs, and when. */
class Starts {
  count = 0;
  readonly #codec = new MessageCodec();
  readonly #waiting: { readonly epoch: number; readonly resolve: (atMs: number) => void }[] = [];

  constructor(bus: Bus) {
    bus.connection.subscribe(bus.subjects.journal(RUN), {
      callback: (_error, message) => {
        const started = runRecordsSchema
          .parse(this.#codec.decode(message.data))
          .filter(({ type }) => type === "started").length;
        this.count += started;
        if (started > 0) this.#tell(Number(message.headers?.get("Millrace-Epoch")));
      },
    });
  }

  /** Resolves with the time at which a leader above the epoch starts its first job. */
  firstAbove(epoch: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.push({ epoch, resolve }));
  }

  #tell(epoch: number): void {
    for (const { epoch: below, resolve } of this.#waiting) if (epoch > below) resolve(performance.now());
  }
}
