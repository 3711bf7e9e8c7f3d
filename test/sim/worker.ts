/**
 * Simulates the seeds that it is sent, one after the other, and answers each with its result. The real clock and real
 * chance are out of reach meanwhile: whatever asks for them fails, so that a seed means the same everywhere.
 */
import { simulate } from "./simulation.ts";

export interface Task {
  readonly seed: number;
  readonly isTraced: boolean;
}

function forbid(what: string): never {
  throw new Error(`${what} is not for simulated code: time and chance come from the simulation`);
}

Date.now = () => forbid("Date.now");
Math.random = () => forbid("Math.random");
// Long work never gives way by real time; where it does in any case, that takes no time.
performance.now = () => 0;
globalThis.setImmediate = ((run: () => void) => process.nextTick(run)) as typeof setImmediate;

process.on("message", ({ seed, isTraced }: Task) => {
  void simulate(seed, { isTraced }).then((result) => process.send?.(result));
});
