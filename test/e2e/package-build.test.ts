import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../shared/model/event.ts";
import { butidoExamples } from "../support/butido-examples.ts";
import { CommandUser } from "../support/command.ts";
import { triedHostLayout } from "../support/tried-host-layout.ts";

const hostLayout = await triedHostLayout();
if (hostLayout.kind === "refused") process.stderr.write(`note: builds are skipped: ${hostLayout.reason}\n`);
if (butidoExamples === undefined) process.stderr.write("note: butido's examples are not here\n");

/** All that lies above z, which is a chain at first: z, y, x. */
const aboveZ = ["a 1", "c 3", "g 7", "i 9", "o 15", "p 16", "q 17", "v 22", "w 23", "x 24", "y 25"];
const leaves = [
  "h 8",
  "m 13",
  "n 14",
  "r 18",
  "s 19.0",
  "s 19.1",
  "s 19.2",
  "s 19.3",
  "t 20",
  "u 21",
  "z 26",
];

interface BuildResult {
  readonly status: number | null;
  readonly run: string;
  readonly events: readonly RunEvent[];
  readonly stderr: string;
}

describe.skipIf(butidoExamples === undefined || hostLayout.kind === "refused")(
  "a build of butido's example repository",
  () => {
    let user: CommandUser;
    let repo: string;
    beforeEach(async () => {
      user = await CommandUser.create();
      repo = join(user.folder, "repo");
      await cp(join(butidoExamples!, "repo"), repo, { recursive: true });
      await cp(join(butidoExamples!, "sources"), join(user.folder, "sources"), { recursive: true });
      git("init", "--quiet");
      git("add", ".");
      git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "init");
    });
    afterEach(async () => {
      await user[Symbol.asyncDispose]();
    });

    function git(...args: readonly string[]): void {
      execFileSync("git", args, { cwd: repo, env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" } });
    }

    async function build(...args: readonly string[]): Promise<BuildResult> {
      const folders = ["--staging-dir", "staging", "--source-cache", "sources"];
      const site = ["--repo", "repo", "--image", "deb11", "--on-host", "--json"];
      const environment = { BUTIDO_LOG_DIR: join(user.folder, "logs") };
      const result = await user.start(["build", ...args, ...site, ...folders], environment).ended;
      const events = result.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as RunEvent);
      return { status: result.status, run: events[0]?.run ?? "", events, stderr: result.stderr };
    }

    /** Titles of the jobs that have an event of this type. */
    function jobsOf({ events }: BuildResult, type: RunEvent["type"]): string[] {
      return events
        .flatMap((event) => (event.type === type && "job" in event ? [event.job] : []))
        .map((job) => job.replace(" (debian:bullseye)", ""))
        .sort();
    }

    /** Whose assignment does not wait for another job's end. */
    function firstReady({ events }: BuildResult): string[] {
      const end = events.findIndex(({ type }) => type === "job.succeeded");
      return jobsOf({ status: 0, run: "", stderr: "", events: events.slice(0, end) }, "job.ready");
    }

    async function change(path: string, edit: (text: string) => string): Promise<void> {
      await writeFile(join(repo, path), edit(await readFile(join(repo, path), "utf8")));
    }

    it("makes 29 artifacts, then reuses them, and runs again just what a change takes", async () => {
      const first = await build("a", "1");
      expect(first.stderr).not.toContain("mistake");
      expect(first.status).toBe(0);
      expect(jobsOf(first, "job.succeeded")).toHaveLength(29);
      expect(firstReady(first)).toEqual(leaves);
      const staged = join(user.folder, "staging", first.run);
      const files = (await readdir(staged)).filter((name) => name.endsWith(".pkg"));
      expect(files).toHaveLength(29);
      expect(await readFile(join(staged, "a-1.pkg"), "utf8")).toBe("1\n");

      const second = await build("a", "1", "--write-log", "--releases-dir", "releases");
      expect(second.status).toBe(0);
      expect(second.stderr).toContain("released 29 artifacts to default\n");
      const store = join(user.folder, "releases/default");
      expect(await readFile(join(store, "a-1.pkg"), "utf8")).toBe("1\n");
      const [manifest = ""] = await readdir(join(store, ".millrace/packages/a/1"));
      const provenance = JSON.parse(await readFile(join(store, ".millrace/packages/a/1", manifest), "utf8"));
      expect(provenance).toMatchObject({
        made: { run: first.run },
        release: { store: "default", run: second.run },
      });
      expect(jobsOf(second, "job.started")).toEqual([]);
      expect(jobsOf(second, "job.reused")).toHaveLength(29);
      expect(await readdir(join(user.folder, "staging", second.run))).toHaveLength(30);

      const logs = await readdir(join(user.folder, "logs"));
      expect(logs).toContain(`a-1-debian%3Abullseye-${second.run}.log`);
      expect(logs).toHaveLength(29);

      const source = join(user.folder, "sources/z-26/src.source");
      await writeFile(source, "changed\n");
      const hash = createHash("sha1").update("changed\n").digest("hex");
      await change("z/pkg.toml", (text) => text.replace(/hash\.hash = .*/, `hash.hash = "${hash}"`));
      const folders = ["--repo", "repo", "--source-cache", "sources", "--on-host"];
      const plan = await user.run("build", "a", "--plan", ...folders);
      expect(plan.stderr).toMatch(/^1 to run, 11 that may be spared, 17 to reuse/m);
      expect(plan.stdout).toMatch(/^z 26 \(debian:bullseye\)\trun\t/m);
      expect(plan.stdout.match(/\tmaybe\t/g)).toHaveLength(11);
      const uncut = await user.run("build", "a", "--plan", "--no-cutoff", ...folders);
      expect(uncut.stderr).toMatch(/^12 to run, 17 to reuse/m);

      const affected = await build("--affected-by", "HEAD", "--no-cutoff");
      expect(jobsOf(affected, "job.started")).toEqual([...aboveZ, "z 26"]);

      await writeFile(source, "changed again\n");
      const again = createHash("sha1").update("changed again\n").digest("hex");
      await change("z/pkg.toml", (text) => text.replace(/hash\.hash = .*/, `hash.hash = "${again}"`));
      const cut = await build("a", "1");
      expect(jobsOf(cut, "job.started")).toEqual(["z 26"]);
      expect(jobsOf(cut, "job.reused")).toHaveLength(28);
      const cutOff = cut.events.filter((event) => event.type === "job.reused" && event.cutoff);
      expect(jobsOf({ ...cut, events: cutOff }, "job.reused")).toEqual(aboveZ);
      const { stdout } = await user.run("explain", cut.run, "a 1 (debian:bullseye)");
      expect(stdout).toMatch(/came out the same/);
    }, 240_000);

    it("names the package that is broken, blocks what needs it, and builds all the rest", async () => {
      const broken = `{{#if (eq this.name "x")}}{{state "ERR" "broken"}}{{/if}}`;
      await change("pkg.toml", (text) => text.replace('{{state "OK"}}', `{{state "OK"}}\n${broken}`));
      const result = await build("a", "1", "--releases-dir", "releases");
      expect(result.status).toBe(1);
      expect(result.stderr).toContain("nothing was released to default");
      expect(await readdir(user.folder)).not.toContain("releases");
      expect(jobsOf(result, "job.failed")).toEqual(["x 24"]);
      expect(jobsOf(result, "job.blocked")).toEqual(aboveZ.filter((job) => !/^[xy] /.test(job)));
      expect(jobsOf(result, "job.succeeded")).toHaveLength(19);
      expect(result.stderr).toContain("9 jobs blocked by x 24 (debian:bullseye)");
    }, 120_000);

    it("starts nothing where a source is not the one that its package names", async () => {
      await writeFile(join(user.folder, "sources/z-26/src.source"), "other");
      const result = await build("a", "1");
      expect(result.status).toBe(2);
      expect(result.stderr).toContain("source z 26 src has the sha1");
      expect(result.events).toEqual([]);
    }, 60_000);
  },
);
