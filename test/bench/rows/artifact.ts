/** Row 6: outputs on their way from one agent to another, one large file and many small ones. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";
import { type JobCost, jobCost } from "../account/job-cost.ts";
import { atLeast, ratioAtMost } from "../line.ts";
import { timeOf } from "../peers/command.ts";
import type { Bench, Row, RowResult } from "../row.ts";
import { series } from "../series.ts";
import { Stage } from "../stage.ts";
import { stamp, type Transfer, transfer } from "../stamped-job.ts";

export const artifact: Row = { number: 6, name: "artifact", measure };

const MIB = 2 ** 20;
const FILE_BYTES = 4096;

async function measure(bench: Bench): Promise<RowResult> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  try {
    return await measureIn(folder, bench);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measureIn(folder: string, bench: Bench): Promise<RowResult> {
  const largeMiB = bench.isShort ? 16 : 1024;
  const smallMiB = largeMiB / 8;
  const files = bench.isShort ? 1_000 : 10_000;
  const [into, out, peak, smallPeak]: [number[], number[], number[], number[]] = [[], [], [], []];
  const [ours, tar]: [number[], number[]] = [[], []];
  let cost: JobCost | undefined;
  for (let round = 0; round < bench.rounds; round++) {
    // The server of a stage has room for a few large artifacts only.
    await using stage = await Stage.open(bench.product, { agents: 2 });
    await oneFile(stage, smallMiB);
    smallPeak.push(stage.agentPeakBytes() / MIB);
    const before = await stage.read();
    const large = await oneFile(stage, largeMiB);
    cost = jobCost(`artifact of ${largeMiB} MiB, both jobs`, 1, before, await stage.read());
    peak.push(stage.agentPeakBytes() / MIB);
    into.push(rate(largeMiB, large.inMs));
    out.push(rate(largeMiB, large.outMs));
    // Before and after, and nothing is removed here: some file systems take several times as long to make files where
    // many were just removed.
    const tarBeforeMs = await tarBothWays(files, join(folder, `${round}-before`));
    const many = await transfer(stage, making("files", smallFiles(files), "f*"), taking("files"));
    ours.push(many.inMs + many.outMs);
    tar.push((tarBeforeMs + (await tarBothWays(files, join(folder, `${round}-after`)))) / 2);
  }
  return {
    lines: [
      {
        what: `artifact of ${largeMiB} MiB: collected and stored`,
        ours: series("MB/s", into),
        target: atLeast(150),
      },
      {
        what: `artifact of ${largeMiB} MiB: fetched, checked, unpacked`,
        ours: series("MB/s", out),
        target: atLeast(200),
      },
      {
        what: "the larger peak memory of the two agents",
        ours: series("MiB", peak),
        beside: { who: `for ${smallMiB} MiB`, series: series("MiB", smallPeak) },
        target: ratioAtMost(1.5),
      },
      {
        what: `${files} files of 4 KiB: collected, stored, fetched, unpacked`,
        ours: series("ms", ours),
        beside: { who: "tar to a file and back", series: series("ms", tar) },
        target: ratioAtMost(1.5),
      },
    ],
    costs: cost === undefined ? [] : [cost],
  };
}

function oneFile(stage: Stage, mib: number): Promise<Transfer> {
  const name = `file-${mib}`;
  return transfer(stage, making(name, `head -c ${mib * MIB} /dev/urandom > big`, "big"), taking(name));
}

function making(name: string, script: string, output: string): JobSpecInput {
  return {
    name: `make-${name}`,
    run: { script: `${script}\n${stamp}` },
    outputs: [output],
    labels: [["name", "a1"]],
  };
}

function taking(name: string): JobSpecInput {
  return {
    name: `take-${name}`,
    run: { script: stamp },
    needs: [{ job: `make-${name}` }],
    labels: [["name", "a2"]],
  };
}

/** A script that makes files f0000, f0001, … */
function smallFiles(count: number): string {
  return `head -c ${count * FILE_BYTES} /dev/urandom | split -b ${FILE_BYTES} -a 4 -d - f`;
}

async function tarBothWays(count: number, folder: string): Promise<number> {
  await mkdir(folder);
  await timeOf("sh", ["-ec", `mkdir from to; cd from; ${smallFiles(count)}`], { folder });
  return await timeOf("sh", ["-ec", "tar cf all.tar -C from . && tar xf all.tar -C to"], { folder });
}

function rate(mib: number, ms: number): number {
  return (mib * MIB) / 1e6 / (ms / 1000);
}
