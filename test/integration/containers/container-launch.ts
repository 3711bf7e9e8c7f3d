/** A launch in folders of its own, and what came of it. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Launch } from "../../../agent/runners/runner.ts";
import type { Command } from "../../../shared/model/job-spec.ts";

export interface TestLaunch extends Launch, AsyncDisposable {
  readonly folder: string;
  output(): Promise<string>;
}

let launches = 0;

export async function makeLaunch(
  image: string,
  command: Command | string,
  more: Partial<Launch> = {},
): Promise<TestLaunch> {
  const folder = await mkdtemp(join(tmpdir(), "mr-launch-"));
  await Promise.all(["workspace", "control", "inputs", "source"].map((name) => mkdir(join(folder, name))));
  launches += 1;
  const log = join(folder, "log");
  return {
    attempt: `r${process.pid}/${launches}/1/lease`,
    command: typeof command === "string" ? { script: command } : command,
    image,
    network: "none",
    environment: [],
    workspace: join(folder, "workspace"),
    inputs: undefined,
    sources: undefined,
    program: join(folder, "program"),
    packageRoot: undefined,
    control: join(folder, "control"),
    log,
    cpu: undefined,
    memoryBytes: undefined,
    ...more,
    folder,
    output: () => readFile(log, "utf8"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
