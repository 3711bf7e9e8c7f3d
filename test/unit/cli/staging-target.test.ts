import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { StagingTarget } from "../../../coordinator/cli/package-build/staging-target.ts";
import { planBuild } from "../../../coordinator/readers/packages/build-plan.ts";
import { PackageIndex } from "../../../coordinator/readers/packages/package-index.ts";
import type { Client } from "../../../shared/client/client.ts";
import { jobViewSchema } from "../../../shared/model/api.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import { type BuiltGraph, builtGraphSchema, provenanceSchema } from "../../../shared/model/provenance.ts";
import { repositoryOf } from "../../support/package-repository.ts";

const digestOf = (content: string): string => content.repeat(64).slice(0, 64);

/** A cluster whose artifacts have one file each, of a name of their own or the same. */
function clusterWith(fileOf: (digest: string) => string): Client {
  const entry = { kind: "file", bytes: 1, executable: false, digest: digestOf("0"), target: null } as const;
  const fake: Partial<Client> = {
    async downloadArtifact(source, folder) {
      const path = fileOf("digest" in source ? source.digest : "");
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, path), "x");
      return [{ ...entry, path }];
    },
    async *jobs(run, { names = ["a 1", "b 1", "c 1"] } = {}) {
      const outcome = { kind: "succeeded" };
      const attempt = { attempt: 2, agent: "host", outcome, startedAt: null, endedAt: null, returned: null };
      const measured = { wallMs: null, cpuMs: null, peakMemoryBytes: null, logBytes: null };
      const earlier = run === "earlier";
      for (const [index, name] of names.entries()) {
        yield jobViewSchema.parse({
          ...{ job: name, index, phase: "succeeded", priority: 500, rootCause: null, reason: null },
          artifact: { digest: digestOf(name.charAt(0)), files: 1, bytes: 1 },
          attempts: earlier ? [{ ...attempt, ...measured, ranOn: { host: "debian 12 x86_64" } }] : [],
          reusedFrom: earlier ? null : { run: "earlier", job: name, attempt: 2, agent: "host" },
        });
      }
    },
  };
  return fake as Client;
}

async function targetOf(staging: string): Promise<StagingTarget> {
  const repository = await repositoryOf({
    "a/pkg.toml": 'name = "a"\nversion = "1"\n[dependencies]\nruntime = ["b =1"]',
    "b/pkg.toml": 'name = "b"\nversion = "1"\n[dependencies]\nruntime = ["c =1"]',
    "c/pkg.toml": 'name = "c"\nversion = "1"',
  });
  const request = { roots: repository.packages, images: [undefined], env: [], facts: [] };
  const planning = await planBuild(repository, new PackageIndex(repository.packages), request);
  if (!planning.ok) throw new Error("this build can be planned");
  const root = join(repository.root, staging);
  const target = new StagingTarget({ staging: root, root, jobs: planning.jobs, commit: null });
  target.run = "run-1";
  return target;
}

/** All that a job needed, directly or not. */
function transitiveJobs(jobs: BuiltGraph["jobs"], at: number): BuiltGraph["jobs"] {
  const needs = new Set(jobs[at]?.needs);
  for (const need of needs) for (const further of jobs[need]?.needs ?? []) needs.add(further);
  return [...needs].map((need) => jobs[need]!);
}

/** What these packages have made. */
function artifactsOf(...packages: readonly string[]): Map<string, Artifact> {
  return new Map(packages.map((name) => [`${name} 1`, { digest: digestOf(name), files: 1, bytes: 1 }]));
}

test("artifacts are staged with the attempt that made them, and all that it saw", async () => {
  const target = await targetOf("staging");
  const client = clusterWith((digest) => `${digest.charAt(0)}.pkg`);
  await target.take(client, artifactsOf("a", "b", "c"), new AbortController().signal);
  expect(target.conflicts).toEqual([]);
  expect(target.paths.map((path) => path.slice(target.path.length)).sort()).toEqual([
    "/a.pkg",
    "/b.pkg",
    "/c.pkg",
  ]);
  const path = join(target.path, `.millrace/packages/a/1/${digestOf("a")}.json`);
  const provenance = provenanceSchema.parse(JSON.parse(await readFile(path, "utf8")));
  expect(provenance).toMatchObject({
    made: { run: "earlier", job: "a 1", attempt: 2, agent: "host" },
    ranOn: { host: "debian 12 x86_64" },
    inputs: [{ package: { name: "b", version: "1" }, artifact: digestOf("b") }],
  });
  const graph = await readFile(join(target.path, `.millrace/graphs/${provenance.graph}.json`), "utf8");
  const { jobs } = builtGraphSchema.parse(JSON.parse(graph));
  const at = jobs.findIndex(({ job }) => job === provenance.made.job);
  const seen = transitiveJobs(jobs, at).map(({ package: item, artifact }) => [item.name, artifact]);
  expect(seen.sort()).toEqual([
    ["b", digestOf("b")],
    ["c", digestOf("c")],
  ]);
});

test("a file of two packages is refused for the second, and the others are staged", async () => {
  const target = await targetOf("staging");
  const client = clusterWith((digest) => (digest.startsWith("c") ? "c.pkg" : "same.pkg"));
  await target.take(client, artifactsOf("a", "b", "c"), new AbortController().signal);
  expect(target.conflicts).toEqual([
    expect.stringMatching(/^b 1 can't be put into .*same\.pkg is there, of a 1$/),
  ]);
  expect(target.paths.map((path) => path.slice(target.path.length))).toEqual(["/same.pkg", "/c.pkg"]);
});
