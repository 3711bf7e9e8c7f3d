/** Launches of shell jobs as an agent makes them, and a runner for them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hostEnvironment } from "../../../agent/runners/host-environment.ts";
import type { Launch } from "../../../agent/runners/runner.ts";
import { ShellRunner } from "../../../agent/runners/shell-runner.ts";
import { ControlFiles } from "../../../agent/workspaces/control-files.ts";
import type { Command, Pairs } from "../../../shared/model/job-spec.ts";

let count = 0;

/** Of a host that can't give the paths of packages. */
export function newShellRunner(environment: NodeJS.ProcessEnv = process.env): ShellRunner {
  return new ShellRunner({
    environment: hostEnvironment(environment),
    controlFiles: new ControlFiles(),
    hostLayout: { kind: "refused", reason: "the kernel says no" },
  });
}

/** An attempt that no other test has, with a folder of its own below `root`. */
export function shellLaunch(root: string, command: Command, environment: Pairs = []): Launch {
  count += 1;
  const folder = join(root, String(count));
  mkdirSync(join(folder, "work"), { recursive: true });
  return {
    attempt: `run-${process.pid}/0/${count}/lease${count}`,
    command,
    image: undefined,
    network: undefined,
    environment,
    workspace: join(folder, "work"),
    inputs: undefined,
    sources: undefined,
    program: join(folder, "program"),
    packageRoot: undefined,
    control: folder,
    log: join(folder, "log"),
    cpu: undefined,
    memoryBytes: undefined,
  };
}
