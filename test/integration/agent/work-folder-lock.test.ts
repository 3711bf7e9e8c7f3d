import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootId, identify } from "../../../agent/runners/process-census.ts";
import { takeLock } from "../../../agent/workspaces/work-folder-lock.ts";

const runner = fileURLToPath(new URL("../../support/run-typescript.mjs", import.meta.url));
const program = fileURLToPath(new URL("lock-contender.ts", import.meta.url));

let folder: string;
let path: string;
const contenders: Contender[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-lock-"));
  path = join(folder, "agent.lock");
});

afterEach(async () => {
  await Promise.all(contenders.splice(0).map((contender) => contender.end()));
  rmSync(folder, { recursive: true });
});

class Contender {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor() {
    this.#child = spawn(process.execPath, [runner, program, path], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! });
    contenders.push(this);
  }

  async answer(): Promise<string> {
    return ((await once(this.#lines, "line")) as [string])[0];
  }

  ask(line: string): Promise<string> {
    const answer = this.answer();
    this.#child.stdin?.write(`${line}\n`);
    return answer;
  }

  async end(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    await exited;
  }
}

test("is taken by one of many processes that start at once where an agent was killed", async () => {
  const all = Array.from({ length: 6 }, () => new Contender());
  await Promise.all(all.map((contender) => contender.answer()));
  let taken = 0;
  for (let round = 0; round < 200; round += 1) {
    writeFileSync(path, `999999999 1 ${await bootId()} round${round}\n`);
    const at = Date.now() + 5;
    const answers = await Promise.all(all.map((contender) => contender.ask(`take ${at}`)));
    const holders = all.filter((_, index) => answers[index] === "held");
    expect(answers.filter((answer) => answer !== "held" && answer !== "refused")).toEqual([]);
    expect(holders.length).toBeLessThanOrEqual(1);
    taken += holders.length;
    await holders[0]?.ask("release");
  }
  expect(taken).toBe(200);
  rmSync(path, { force: true });
  expect(readdirSync(folder)).toEqual([]);
});

test("is refused while its holder lives, with the holder's pid", async () => {
  const unlock = await takeLock(path);
  await expect(takeLock(path)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  await unlock();
  await takeLock(path);
});

test.each<[string, () => Promise<string>]>([
  ["of a process that is gone", async () => `999999999 1 ${await bootId()} token\n`],
  ["whose pid is another process's now", async () => `${process.pid} 1 ${await bootId()} token\n`],
  ["of a system that was started again", async () => `${process.pid} ${ownTicks()} other token\n`],
  ["of another version of the agent", async () => `999999999-1-${(await bootId()).slice(0, 8)} token\n`],
  ["that version 0.1 wrote", async () => `999999999 1 ${await bootId()}\n`],
  ["that was cut short", async () => ""],
])("is void: one %s", async (_, text) => {
  writeFileSync(path, await text());
  await takeLock(path);
  expect(readdirSync(folder)).toEqual(["agent.lock"]);
});

test.each<[string, (boot: string) => string]>([
  ["version 0.1", (boot) => `${process.pid} ${ownTicks()} ${boot}\n`],
  ["the version after it", (boot) => `${process.pid} ${ownTicks()} ${boot} token\n`],
])("is refused while its holder lives, though %s wrote it", async (_, text) => {
  writeFileSync(path, text(await bootId()));
  await expect(takeLock(path)).rejects.toMatchObject({ code: "conflict" });
});

test("is taken though one who was breaking it was killed on the way", async () => {
  const boot = await bootId();
  writeFileSync(path, `999999999 1 ${boot} first\n`);
  writeFileSync(`${path}.first`, `999999998 1 ${boot} second\n`);
  await takeLock(path);
  expect(readdirSync(folder)).toEqual(["agent.lock"]);
});

function ownTicks(): number {
  return identify(process.pid)?.startTicks ?? 0;
}
