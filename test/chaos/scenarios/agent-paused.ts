import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Client } from "../../../shared/client/index.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { executionProblems, executionsOf } from "../executions.ts";
import { FaultPlayer } from "../fault-player.ts";
import { takeAccount } from "../run-account.ts";
import { contradictions } from "../run-verdict.ts";
import type { Scenario } from "../scenario.ts";
import { leftWhileUp } from "../tidiness.ts";
import { agentVariables } from "../workload.ts";

const RUN = "paused";
const LIMIT_MS = 60_000;
/** On a1 it would take for ever, elsewhere it does not. */
const script = `echo "$MILLRACE_ATTEMPT" >> "$${agentVariables.ledger}"
case "$MILLRACE_WORKSPACE" in */a1/*) sleep 600;; *) sleep 0.5;; esac
echo "$MILLRACE_JOB" > made`;

export interface PauseOptions {
  readonly pauseMs: number;
  readonly lostAfterMs: number;
}

/**
 * An agent that sleeps for longer than anybody waits: its jobs go to others, and when it wakes it has to give up what it
 * holds, end what still runs, and be of use again.
 */
export function agentPaused({ pauseMs, lostAfterMs }: PauseOptions): Scenario {
  return {
    summary: `an agent paused for ${pauseMs / 1000} s, while its jobs are given to another, then woken`,
    stage: { agents: 2, lostAfterMs },
    async play({ stage, client, say }) {
      const jobs = ["one", "two", "three", "four"].map((name) => ({
        name,
        run: { script },
        outputs: ["made"],
      }));
      await client.submit({ jobs }, { run: RUN });
      await waitUntil("jobs run on a1", async () => (await runningOn(client, "a1")) === 2, {
        timeoutMs: LIMIT_MS,
        intervalMs: 50,
      });
      await new FaultPlayer(stage).strike({ kind: "pause", target: "a1", forMs: pauseMs });
      say("a1 is awake again");

      assert.equal((await client.waitFor(RUN)).status, "succeeded");
      assert.deepEqual(await leftWhileUp(stage, client, [RUN], undefined), []);
      const account = await takeAccount(client, await stage.bus("chaos"), RUN);
      const executions = executionsOf(await readFile(stage.ledgerFile, "utf8"), RUN);
      assert.deepEqual(contradictions(account), []);
      const circumstances = { ...stage, outages: stage.timeline.outages, servers: [], abandoning: [] };
      assert.deepEqual(executionProblems(account, executions, new Set(), circumstances), []);
      say(`${executions.length} executions of 4 jobs, each accepted once`);

      const again = await client.submit({
        jobs: jobs.map(({ name }) => ({ name, run: { script: "sleep 1" } })),
      });
      await client.waitFor(again.run);
      const agents = new Set<string>();
      for await (const job of client.jobs(again.run)) agents.add(job.attempts.at(-1)?.agent ?? "");
      assert.deepEqual([...agents].sort(), ["a1", "a2"]);
    },
  };
}

async function runningOn(client: Client, agent: string): Promise<number> {
  let count = 0;
  for await (const { attempts } of client.jobs(RUN, { phase: "running" })) {
    if (attempts.at(-1)?.agent === agent) count += 1;
  }
  return count;
}
