/** `npm run chaos`: see docs/chaos.md. Exits with 1 when anything is wrong, with 2 for options it does not know. */
import { startTestDocker } from "../support/docker.ts";
import { makeBusyboxImage } from "../support/image.ts";
import { programOptions } from "../support/program-options.ts";
import { scenarios } from "./catalogue.ts";
import { type ChaosOptions, readOptions, usage } from "./options.ts";
import { faultTable } from "./report.ts";
import { playScenario, type Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";
import { type Engine, type StormResult, storm } from "./storm.ts";

const IMAGE = "millrace-chaos:1";
const TIMELINE_SHOWN = 60;

const startedMs = performance.now();
// A failure may leave faults that are still to come; they end with the process.
process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const asked = programOptions(() => readOptions(args), usage);
  if ("status" in asked) return asked.status;
  const { options } = asked;
  const { scenario: name } = options;
  if (name !== undefined && !scenarios.has(name)) {
    print(`no scenario ${name}; there are: ${[...scenarios.keys()].join(", ")}`);
    return 2;
  }
  let isWell = false;
  try {
    isWell = name === undefined ? await sendStorm(options) : await play(scenarios.get(name)!);
  } catch (error) {
    print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  print(isWell ? "all is well" : "chaos has won");
  return isWell ? 0 : 1;
}

async function play(scenario: Scenario): Promise<boolean> {
  print(`chaos: ${scenario.summary}`);
  await playScenario(scenario, { say, onOpen: endOnInterruption });
  return true;
}

/** Says whether all went well. */
async function sendStorm(options: ChaosOptions): Promise<boolean> {
  const { minutes, pace, cluster, keep, shellOnly, seed = Date.now() % 100_000 } = options;
  print(`chaos: ${minutes} min, --seed ${seed}${cluster ? ", three servers" : ""}`);
  const engine = shellOnly ? undefined : await startEngine();
  const stage = await Stage.open({ clustered: cluster });
  endOnInterruption(stage);
  let isWell = false;
  try {
    const result = await storm(stage, { seed, lengthMs: minutes * 60_000, paceMs: pace, engine, say });
    isWell = result.problems.length === 0;
    report(result, seed);
  } finally {
    if (!isWell)
      print([`What was done, of ${stage.timeline.file}:`, ...stage.timeline.last(TIMELINE_SHOWN)].join("\n"));
    await stage.close();
    await engine?.docker.stop();
    if (isWell && !keep) await stage.forget();
    else print(`logs of all processes are in ${stage.folder}`);
  }
  return isWell;
}

function report(
  { problems, faults, runs, jobs, executions, lostAttempts, terms }: StormResult,
  seed: number,
): void {
  print(faultTable(faults).join("\n"));
  print(
    `${runs} runs, ${jobs} jobs, ${executions} executions in shells, ${lostAttempts} attempts lost, ${terms} terms of leaders`,
  );
  if (problems.length > 0)
    print(`${problems.length} PROBLEMS with --seed ${seed}:\n  ${problems.join("\n  ")}`);
}

async function startEngine(): Promise<Engine | undefined> {
  const docker = await startTestDocker();
  if (docker === undefined) return undefined;
  await makeBusyboxImage(docker, IMAGE);
  return { docker, image: IMAGE };
}

function endOnInterruption(stage: Stage): void {
  const end = (): void => {
    void stage.close().finally(() => process.exit(130));
  };
  process.once("SIGINT", end).once("SIGTERM", end);
}

function say(line: string): void {
  print(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(6)} s  ${line}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
