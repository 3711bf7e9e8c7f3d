import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository } from "../../coordinator/readers/packages/repository.ts";
import { ScriptRenderer } from "../../coordinator/readers/packages/script.ts";
import { PackageStore } from "../../coordinator/releases/package-store.ts";
import { stagingFolder } from "../../coordinator/releases/staging.ts";
import { type Provenance, provenanceSchema } from "../../shared/model/provenance.ts";
import { CommandUser } from "../support/command.ts";
import { smallConfig, smallRoot } from "../support/package-repository.ts";
import { waitUntil } from "../support/wait-until.ts";
import { additionOf, provenanceOf, sha256 } from "../unit/releases/sample-provenance.ts";

const run = "20260801-120000-aaaaaa";
const laterRun = "20260802-120000-bbbbbb";

describe("releases of packages", () => {
  let user: CommandUser;
  beforeEach(async () => {
    user = await CommandUser.create();
    const folders = `staging = "staging"\nreleases_root = "releases"\nrelease_stores = ["default", "testing"]\n`;
    await writeFile(join(user.folder, "config.toml"), `${folders}${smallConfig}`);
    await writeFile(join(user.folder, "pkg.toml"), smallRoot);
  });
  afterEach(async () => {
    await user[Symbol.asyncDispose]();
  });

  async function stage(
    into: string,
    owner: string,
    content: string,
    image?: string,
    more: Partial<Provenance> = {},
  ): Promise<void> {
    const folder = stagingFolder(join(user.folder, "staging"), into, image);
    const store = await PackageStore.open(folder, Date.now());
    const [name, version] = owner.split(" ");
    const files = { [`${name}-${version}.pkg`]: content };
    const provenance = provenanceOf(owner, files, { image: image ?? "debian:bullseye", ...more });
    await store.put(additionOf(provenance, files));
  }

  const released = (path: string): string => join(user.folder, "releases", path);

  it("come from a staged run, with their provenance, and are listed", async () => {
    await stage(run, "a 1", "one");
    await stage(run, "b 2", "two");
    const done = await user.run("release", "new", "last", "--to", "default");
    expect(done).toMatchObject({ status: 0, stderr: "released 2 artifacts to default\n" });
    expect(done.stdout).toBe(`${released("default/a-1.pkg")}\n${released("default/b-2.pkg")}\n`);
    expect(await readFile(released("default/a-1.pkg"), "utf8")).toBe("one");

    const listed = JSON.parse((await user.run("release", "list", "--json", "-p", "a")).stdout);
    expect(listed).toMatchObject([
      {
        package: "a",
        version: "1",
        store: "default",
        run,
        files: [released("default/a-1.pkg")],
        missing: [],
      },
    ]);
    const provenance = provenanceSchema.parse(JSON.parse(await readFile(listed[0].provenance, "utf8")));
    expect(provenance.release).toMatchObject({ store: "default", run });
    const csv = await user.run("release", "list", "--csv", "--to", "default");
    expect(csv.stdout.split("\n")[0]).toMatch(
      /^[ab],[12],20\d\d-.*Z,\/.*pkg,default,debian:bullseye,[0-9a-f]{64},there$/,
    );
    expect((await user.run("release", "list", "--older-than", "1hour")).stderr).toBe(
      "there is no such release\n",
    );
    expect((await user.run("release", "list", "--newer-than", "1month", "--limit", "1")).stdout).toMatch(
      /^.*\n$/,
    );
  });

  it("are told apart by where they were made, and refused when they were changed since", async () => {
    await stage(run, "a 1", "one", undefined, { ranOn: { host: "debian 12 x86_64" } });
    await stage(run, "b 2", "two");
    await writeFile(join(user.folder, "staging", run, "b-2.pkg"), "other");
    expect(await user.run("release", "new", run, "b", "--to", "default")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("b-2.pkg is not what its job has made"),
    });
    expect((await user.run("release", "new", run, "a", "--to", "default")).status).toBe(0);
    const { stdout } = await user.run("release", "list", "--csv");
    expect(stdout).toContain(",debian:bullseye (made on debian 12 x86_64),");
  });

  it("can be chosen by package, version and image", async () => {
    await stage(run, "a 1", "deb", "debian:bullseye");
    await stage(run, "a 1", "alp", "alpine");
    await stage(run, "b 2", "two", "alpine");
    const both = await user.run("release", "new", "last", "a", "--to", "testing");
    expect(both).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("file of the same name as a 1 on"),
    });
    expect(existsSync(released("testing/a-1.pkg"))).toBe(false);
    const one = await user.run("release", "new", run, "a", "1", "--to", "testing", "-q", "--image", "deb11");
    expect(one).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(await readFile(released("testing/a-1.pkg"), "utf8")).toBe("deb");
    expect(existsSync(released("testing/b-2.pkg"))).toBe(false);
  });

  it("are replaced when that is said, and asked about where somebody can answer", async () => {
    await stage(run, "a 1", "old");
    await stage(laterRun, "a 1", "new");
    await user.run("release", "new", run, "--to", "default");
    const again = await user.run("release", "new", run, "--to", "default");
    expect(again.stderr).toBe("released 0 artifacts to default; 1 artifact was there already\n");
    const refused = await user.run("release", "new", laterRun, "--to", "default");
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("a-1.pkg is there, of a 1") });
    const unasked = await user.run("release", "new", laterRun, "--to", "default", "--update");
    expect(unasked).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("there is no terminal to ask at"),
    });
    expect(await readFile(released("default/a-1.pkg"), "utf8")).toBe("old");
    const flags = ["--to", "default", "--update", "--non-interactive"];
    expect((await user.run("release", "new", laterRun, ...flags)).status).toBe(0);
    expect(await readFile(released("default/a-1.pkg"), "utf8")).toBe("new");
  });

  it("are told to be replaced in the folders that the command was given", async () => {
    await stage(run, "a 1", "old");
    await stage(laterRun, "a 1", "new");
    const folders = ["--staging-dir", "staging", "--releases-dir", "my releases"];
    expect((await user.run("release", "new", ...folders, run, "--to", "default")).status).toBe(0);
    expect((await user.run("release", "new", ...folders, laterRun, "--to", "default")).stderr).toContain(
      `millrace release new --staging-dir staging --releases-dir 'my releases' ${laterRun} --to default --update.`,
    );
  });

  it("are removed, the one that is meant", async () => {
    await stage(run, "a 1", "old");
    await user.run("release", "new", "last", "--to", "default");
    const wrong = await user.run("release", "rm", "a", "2", "--from", "default", "--non-interactive");
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining("Its versions are 1.") });
    const other = ["release", "rm", "a", "1", "--from", "default", "--non-interactive", "--digest", "0000"];
    expect(await user.run(...other)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no artifact"),
    });
    expect((await user.run("release", "rm", "a", "1", "--from", "default")).status).toBe(2);
    expect(existsSync(released("default/a-1.pkg"))).toBe(true);
    const removed = await user.run("release", "rm", "a", "1", "--from", "default", "--non-interactive");
    expect(removed).toMatchObject({ status: 0, stderr: expect.stringContaining("removed a 1") });
    expect(existsSync(released("default/a-1.pkg"))).toBe(false);
  });

  it("are not lost when two commands release at once", async () => {
    await stage(run, "a 1", "one");
    await stage(laterRun, "b 2", "two");
    const commands = [run, laterRun].map((id) => user.run("release", "new", id, "--to", "default"));
    expect((await Promise.all(commands)).map(({ status }) => status)).toEqual([0, 0]);
    expect(JSON.parse((await user.run("release", "list", "--json")).stdout)).toHaveLength(2);
  });

  it("have come all or not at all when the command is killed", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index} 1`);
    for (const name of names) await stage(run, name, "x".repeat(200_000));
    const changes = released("default/.millrace/changes");
    for (const seen of [/\.new$/, /\.new$/, /^[0-9a-f]+$/]) {
      const command = user.start(["release", "new", run, "--to", "default"]);
      let hasEnded = false;
      const ended = command.ended.finally(() => {
        hasEnded = true;
      });
      const isSeen = (): boolean =>
        existsSync(changes) && readdirSync(changes).some((name) => seen.test(name));
      await waitUntil("the change is under way", () => isSeen() || hasEnded, { intervalMs: 1 });
      command.child.kill("SIGKILL");
      await ended;
      const listed = JSON.parse((await user.run("release", "list", "--json")).stdout) as {
        missing: string[];
      }[];
      expect([0, names.length]).toContain(listed.length);
      expect(listed.flatMap(({ missing }) => missing)).toEqual([]);
    }
    expect((await user.run("release", "new", run, "--to", "default")).status).toBe(0);
    expect(JSON.parse((await user.run("release", "list", "--json")).stdout)).toHaveLength(names.length);
  });

  it("are told by status 2 when there is no such store or run", async () => {
    await stage(run, "a 1", "one");
    expect(await user.run("release", "new", "last", "--to", "tesing")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did you mean "testing"?'),
    });
    expect(await user.run("release", "new", "2025", "--to", "default")).toMatchObject({ status: 2 });
    expect(await user.run("release", "new", "last")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--to must name a release store"),
    });
    expect(await user.run("release", "new", "last", "--to", "default", "--image", "deb1")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did you mean "deb11"?'),
    });
  });

  it("and staged artifacts are found by package, as far as its script has made them", async () => {
    await mkdir(join(user.folder, "a"));
    await writeFile(join(user.folder, "a/pkg.toml"), 'name = "a"\nversion = "1"\n');
    const repository = await openRepository({ root: user.folder, environment: user.environment });
    const rendering = new ScriptRenderer(repository.config).render(repository.packages[0]!);
    const text = rendering.ok ? rendering.script : "";
    await stage(run, "a 1", "as it is now", undefined, { script: { sha256: sha256(text), text } });
    await stage(laterRun, "a 1", "by another script");
    await user.run("release", "new", laterRun, "--to", "default");

    const staged = join(user.folder, "staging", run, "a-1.pkg");
    const { stdout } = await user.run("find-artifact", "^a$", "1");
    expect(stdout).toMatch(new RegExp(`^a\\t1\\t2026-\\S+\\t${staged}\\tdebian:bullseye\\t[0-9a-f]{64}\\n$`));
    const all = await user.run("find-artifact", ".", "-S", "--json", "--image", "deb11");
    expect(JSON.parse(all.stdout).flatMap(({ paths }: { paths: string[] }) => paths)).toEqual([
      released("default/a-1.pkg"),
      join(user.folder, "staging", laterRun, "a-1.pkg"),
      staged,
    ]);
    expect((await user.run("find-artifact", "a", "--env", "DEBUG=1")).stderr).toBe(
      "there is no such artifact\n",
    );
    expect((await user.run("find-artifact", "a", "--env", "=1")).status).toBe(2);
  });

  it("show what is no longer there", async () => {
    await stage(run, "a 1", "one");
    await user.run("release", "new", "last", "--to", "default");
    await rm(released("default/a-1.pkg"));
    expect((await user.run("release", "list")).stdout).toMatch(/\tmissing\n$/);
  });
});
