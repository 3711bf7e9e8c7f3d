/**
 * Random faults on a whole cluster while runs go on, then the question whether anybody could tell: every run must have
 * ended as a calm one does, and nothing may be left.
 *
 *   striking ──schedule over, all up──▶ ending ──no run goes on──▶ accounting ──▶ stopping ──▶ calm runs ──▶ judged
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../shared/bus/connection.ts";
import type { Client } from "../../shared/client/index.ts";
import type { TestDocker } from "../support/docker.ts";
import { type Attempt, attemptsOf } from "./attempts.ts";
import { runCalmly } from "./calm.ts";
import { diagnose } from "./diagnosis.ts";
import { type Circumstances, executionProblems, executionsOf } from "./executions.ts";
import { FaultPlayer } from "./fault-player.ts";
import { type RunAccount, takeAccount } from "./run-account.ts";
import { contradictions, differencesFromCalm, unlikeStored } from "./run-verdict.ts";
import { drawSchedule } from "./schedule.ts";
import type { Stage } from "./stage.ts";
import { leftAfterStop, leftWhileUp } from "./tidiness.ts";
import { Traffic } from "./traffic.ts";

export interface StormOptions {
  readonly seed: number;
  readonly lengthMs: number;
  readonly paceMs: number;
  /** For jobs in containers; without one there are none. */
  readonly engine?: Engine | undefined;
  readonly say: (line: string) => void;
}

export interface Engine {
  readonly docker: TestDocker;
  readonly image: string;
}

export interface StormResult {
  /** Nothing, when all is well. */
  readonly problems: readonly string[];
  /** How often each fault struck, as `kill c1`. */
  readonly faults: ReadonlyMap<string, number>;
  readonly runs: number;
  readonly jobs: number;
  readonly executions: number;
  readonly lostAttempts: number;
  /** Terms of leaders that the journal shows. */
  readonly terms: number;
}

const RUNS_AT_ONCE = 3;
const PROGRESS_MS = 5_000;
/** When all faults are over, what still goes on must end in this time. */
const END_LIMIT_MS = 120_000;

/** Sends a storm over a stage that has just been opened. */
export async function storm(stage: Stage, options: StormOptions): Promise<StormResult> {
  const operator = await stage.client("chaos");
  const watcher = await stage.client("chaos", await stage.addLink("watcher"));
  const { seed, engine, say } = options;
  const traffic = new Traffic({ seed, image: engine?.image, atOnce: RUNS_AT_ONCE, operator, watcher });
  const player = new FaultPlayer(stage);

  await strike(stage, traffic, player, options);
  if (traffic.unfinished.length > 0) {
    const hanging = `${traffic.unfinished.join(", ")} did not end within ${END_LIMIT_MS / 1000} s of calm`;
    const problems = [hanging, ...(await diagnose(operator, traffic.unfinished))];
    return { problems, faults: player.counts, runs: traffic.workloads.length, ...statistics([], "") };
  }
  say("all runs have ended; taking account");
  const runs = traffic.workloads.map(({ run }) => run);
  const left = await leftWhileUp(stage, operator, runs, engine?.docker.host);
  const accounts = await accountsOf(operator, await stage.bus("chaos"), runs);
  await stage.stopServices();
  left.push(...(await leftAfterStop(stage)));

  say(`running the same ${runs.length} graphs calmly`);
  const calm = await runCalmly(stage, traffic.workloads);
  const ledger = await readFile(stage.ledgerFile, "utf8");
  const circumstances = circumstancesOf(stage);
  const problems = traffic.workloads.flatMap(({ run, shape, jobs }) => {
    const account = accounts.get(run)!;
    const uncounted = new Set(jobs.flatMap((job, index) => (job.image === undefined ? [] : [index])));
    const found = [
      ...differencesFromCalm(account, calm.get(run)!),
      ...contradictions(account),
      ...unlikeStored(traffic.watched(run), account.events),
      ...executionProblems(account, executionsOf(ledger, run), uncounted, circumstances),
    ];
    return found.map((problem) => `${run} (${shape}): ${problem}`);
  });
  return {
    problems: [...stage.unaskedEnds, ...traffic.complaints, ...left, ...problems],
    faults: player.counts,
    runs: runs.length,
    ...statistics([...accounts.values()], ledger),
  };
}

/** Lets faults strike while runs go on, and waits for the runs that are going then. */
async function strike(
  stage: Stage,
  traffic: Traffic,
  player: FaultPlayer,
  { seed, lengthMs, paceMs, say }: StormOptions,
): Promise<void> {
  const { coordinators, agents, lostAfterMs } = stage;
  const servers = [...stage.servers.keys()];
  const schedule = drawSchedule({
    ...{ seed, lengthMs, paceMs, lostAfterMs, coordinators, agents, servers },
    watchers: ["watcher"],
  });
  const progress = setInterval(() => {
    const ended = traffic.workloads.length - traffic.unfinished.length;
    say(
      `${player.strikes} of ${schedule.length} faults, ${ended} runs ended, ${traffic.unfinished.length} going`,
    );
  }, PROGRESS_MS);
  try {
    let isOver = false;
    const flowing = traffic.flow(() => isOver);
    await Promise.all([
      player.play(schedule).then(() => {
        isOver = true;
        stage.timeline.note("the storm is over");
      }),
      Promise.race([flowing, calmFor(END_LIMIT_MS, () => isOver)]),
    ]);
  } finally {
    clearInterval(progress);
  }
}

/** Resolves when the storm has been over for so long. */
async function calmFor(ms: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) await sleep(1_000, undefined, { ref: false });
  await sleep(ms, undefined, { ref: false });
}

async function accountsOf(
  client: Client,
  bus: Bus,
  runs: readonly string[],
): Promise<Map<string, RunAccount>> {
  const accounts = new Map<string, RunAccount>();
  for (const run of runs) accounts.set(run, await takeAccount(client, bus, run));
  return accounts;
}

function circumstancesOf(stage: Stage): Circumstances {
  return {
    outages: stage.timeline.outages,
    lostAfterMs: stage.lostAfterMs,
    heartbeatMs: stage.heartbeatMs,
    servers: [...stage.servers.keys()],
    abandoning: stage.abandoning,
  };
}

function statistics(
  accounts: readonly RunAccount[],
  ledger: string,
): Pick<StormResult, "jobs" | "executions" | "lostAttempts" | "terms"> {
  const attempts = accounts.flatMap(({ records }) => attemptsOf(records));
  const isLost = ({ ends }: Attempt): boolean => ends.some(({ outcome }) => outcome?.kind === "lost");
  return {
    jobs: accounts.reduce((sum, { jobs }) => sum + jobs.length, 0),
    executions: ledger.split("\n").length - 1,
    lostAttempts: attempts.filter(isLost).length,
    terms: new Set(accounts.flatMap(({ records }) => records.map(({ epoch }) => epoch))).size,
  };
}
