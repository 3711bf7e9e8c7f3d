import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Cluster } from "../support/cluster.ts";
import { type CommandResult, CommandUser } from "../support/command.ts";

/** A user with a project of five jobs, each of which notes in `log` that it was executed. */
class Project {
  readonly user: CommandUser;
  readonly cluster: Cluster;

  private constructor(user: CommandUser, cluster: Cluster) {
    this.user = user;
    this.cluster = cluster;
  }

  static async create(): Promise<Project> {
    const project = new Project(await CommandUser.create(), await Cluster.start());
    const note = (job: string): string => `echo ${job} >> ${join(project.user.folder, "log")}`;
    const copy = (job: string, from: string): string =>
      `${note(job)}; cat "$MILLRACE_INPUTS"/${from}/* > ${job}.out`;
    const jobs = {
      count: {
        sources: ["src/*"],
        run: `${note("count")}; cat "$MILLRACE_SOURCE"/src/* | wc -l > count.out`,
        outputs: ["*.out"],
      },
      left: { needs: ["count"], run: copy("left", "count"), outputs: ["*.out"] },
      right: { needs: ["count"], run: copy("right", "count"), outputs: ["*.out"] },
      both: { needs: ["left", "right"], run: copy("both", "left"), outputs: ["*.out"] },
      deploy: { needs: ["both"], run: note("deploy"), reuse: false },
    };
    await project.write("build.json", JSON.stringify({ jobs }));
    return project;
  }

  async write(path: string, text: string): Promise<void> {
    await writeFile(join(this.user.folder, path), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
    await this.user[Symbol.asyncDispose]();
  }

  /** Runs it to its end; gives what was executed. */
  async run(...options: string[]): Promise<string[]> {
    await this.write("log", "");
    const { status, stderr } = await this.command("run", "build.json", ...options);
    expect(status, stderr).toBe(0);
    const log = await readFile(join(this.user.folder, "log"), "utf8");
    return log
      .split("\n")
      .filter((job) => job !== "")
      .sort();
  }

  async explain(job: string): Promise<string> {
    return (await this.command("explain", "last", job)).stdout;
  }

  command(name: string, ...args: string[]): Promise<CommandResult> {
    return this.user.run(name, "--server", this.cluster.server.url, ...args);
  }
}

describe("a project that is run again", () => {
  it("executes exactly what it must, and says why", { timeout: 120_000 }, async () => {
    await using project = await Project.create();
    const { user, cluster } = project;
    await mkdir(join(user.folder, "src"));
    await project.write("src/a", "one\n");
    await project.write("src/b", "two\n");
    expect(await project.run()).toEqual(["both", "count", "deploy", "left", "right"]);
    await rm(join(user.folder, "out"), { recursive: true });
    expect(await project.run()).toEqual(["deploy"]);
    expect(await readFile(join(user.folder, "out/both/both.out"), "utf8")).toBe("2\n");
    expect((await project.command("status", "last")).stdout).toContain("5 succeeded (4 reused)");
    await project.write("src/b", "three\n");
    const plan = await project.command("run", "build.json", "--plan");
    expect(plan.stdout).toMatch(
      /^count\trun\t.* a source file differs: src\/b\nleft\tmaybe\t.*it needs count/m,
    );
    expect(plan.stderr).toContain("2 to run, 3 that may be spared, 0 to reuse");
    expect(await project.run()).toEqual(["count", "deploy"]);
    expect(await project.explain("count")).toMatch(/since run \S+ a source file differs: src\/b\n/);
    expect(await project.explain("both")).toContain("count ran again, and its inputs came out the same");
    await project.write("src/b", "four\n");
    expect(await project.run("--no-cutoff")).toEqual(["both", "count", "deploy", "left", "right"]);
    expect(await project.run("--no-cutoff")).toEqual(["deploy"]);
    await project.write("src/b", "five\nsix\n");
    expect(await project.run()).toEqual(["both", "count", "deploy", "left", "right"]);
    expect(await project.explain("left")).toMatch(/since run \S+ what count made differs\n/);
    expect(await project.run("--no-reuse")).toEqual(["both", "count", "deploy", "left", "right"]);
    // Nothing is forgotten with the coordinator.
    await cluster.end("coordinator", "SIGKILL");
    cluster.startCoordinator();
    expect(await project.run()).toEqual(["deploy"]);
    // The log of a job is where it was executed.
    expect((await project.command("logs", "last", "both")).status).toBe(0);
  });
});

it("two runs of one project at a time execute each job once", { timeout: 60_000 }, async () => {
  await using user = await CommandUser.create();
  const jobs = {
    slow: {
      reuse: true,
      run: `echo x >> ${join(user.folder, "log")}; until test -e ${join(user.folder, "go")}; do sleep 0.1; done; echo 1 > out`,
      outputs: ["out"],
    },
  };
  await writeFile(join(user.folder, "build.json"), JSON.stringify({ jobs }));
  const first = user.start(["run", "build.json", "--no-out"]);
  const second = user.start(["run", "build.json", "--out", "second"]);
  const joined = /waits for slow of run/;
  // Whichever was later.
  await Promise.race([first.says(joined), second.says(joined)]);
  await writeFile(join(user.folder, "go"), "");
  const ends = await Promise.all([first.ended, second.ended]);
  expect(ends.map(({ status }) => status)).toEqual([0, 0]);
  expect(await readFile(join(user.folder, "log"), "utf8")).toBe("x\n");
  expect(await readFile(join(user.folder, "second/slow/out"), "utf8")).toBe("1\n");
});
