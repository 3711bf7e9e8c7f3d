/**
 * Preloaded (`node --import`), tells at the end of a process what it took: the longest time its event loop was held, and
 * its peak memory and CPU time. Written as JSON to the file that MILLRACE_PROCESS_REPORT names. On SIGUSR2 it forgets how
 * long the loop was held so far, while the program was loaded for example. With MILLRACE_LOOP_UNWATCHED it does not watch
 * the loop, which takes more than an idle process does.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 5;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
if (process.env.MILLRACE_LOOP_UNWATCHED === undefined) delays.enable();
process.on("SIGUSR2", () => delays.reset());
process.on("exit", () => {
  const heldMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const report = { heldMs, peakBytes: maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  writeFileSync(process.env.MILLRACE_PROCESS_REPORT, JSON.stringify(report));
});
