/** Simulates many seeds on all cores: worker processes over the built simulation, each given its next seed when idle. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import type { SimulationResult } from "./simulation.ts";
import type { Task } from "./worker.ts";

export interface PoolOptions {
  /** The simulation that was built. */
  readonly program: string;
  readonly workers?: number;
}

/** Yields each seed's result as it comes; whoever stops reading ends the workers. */
export async function* simulateAll(
  seeds: readonly number[],
  { program, workers = availableParallelism() }: PoolOptions,
): AsyncGenerator<SimulationResult> {
  const waiting = [...seeds];
  const results: SimulationResult[] = [];
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const children = Array.from({ length: Math.min(workers, seeds.length) }, () => fork(program));
  for (const child of children) {
    let current = give(child, waiting);
    child.on("message", (result: SimulationResult) => {
      results.push(result);
      current = give(child, waiting);
      wake();
    });
    child.on("exit", (code, signal) => {
      if (current === undefined) return;
      failure = new Error(`the worker with seed ${current} ended: ${signal ?? code}`);
      wake();
    });
  }
  try {
    for (let count = 0; count < seeds.length; count++) {
      while (results.length === 0 && failure === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== undefined) throw failure;
      yield results.shift() as SimulationResult;
    }
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** One seed with all that happened in it. */
export async function traceOf(seed: number, program: string): Promise<SimulationResult> {
  const child = fork(program);
  try {
    return await new Promise<SimulationResult>((resolve, reject) => {
      child.on("message", (result: SimulationResult) => resolve(result));
      child.on("exit", (code, signal) => reject(new Error(`the worker ended: ${signal ?? code}`)));
      child.send({ seed, isTraced: true } satisfies Task);
    });
  } finally {
    child.kill("SIGKILL");
  }
}

/** Sends the next seed to a worker, and says which. */
function give(child: ChildProcess, waiting: number[]): number | undefined {
  const seed = waiting.shift();
  if (seed !== undefined) child.send({ seed, isTraced: false } satisfies Task);
  return seed;
}
