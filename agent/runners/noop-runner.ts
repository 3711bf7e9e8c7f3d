/**
 * Runs nothing: every command ends well at once, with no process and no output. It is for benchmarks, which take the
 * cost of a job without its process by it; everything around the runner is as with a shell.
 */
import type { Execution, Runner } from "./runner.ts";

export class NoopRunner implements Runner {
  start(): Promise<Execution> {
    return Promise.resolve(executionThat({ kind: "exited", exitCode: 0, usage: nothingUsed }));
  }

  /** What an earlier process was given may have been run by another runner. */
  adopt(): Execution {
    return executionThat({
      kind: "unknown",
      message: "an earlier process of the agent had it, and this one runs nothing",
    });
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  isQuiet(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): void {}
}

const nothingUsed = { wallMs: 0, cpuMs: 0, peakMemoryBytes: null } as const;

function executionThat(exit: Awaited<Execution["exit"]>): Execution {
  return { exit: Promise.resolve(exit), signal: () => Promise.resolve() };
}
