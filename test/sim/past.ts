/**
 * What is there when a simulation begins, in some seeds: runs of days ago that have ended, or that nobody has led since,
 * with their artifacts; objects that nothing refers to any more; artifacts that jobs of today make again.
 */
import { createHash } from "node:crypto";
import { projectEvents } from "../../coordinator/core/event-projection.ts";
import type { RecordOf, RunRecord } from "../../coordinator/core/record.ts";
import { onSettled } from "../../coordinator/core/run-decide.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { newRunState } from "../../coordinator/core/run-state.ts";
import { MemoryConnection } from "../../coordinator/journal/memory-stream.ts";
import { StreamEventLog } from "../../coordinator/journal/stream-event-log.ts";
import { StreamJournal } from "../../coordinator/journal/stream-journal.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { compileGraph } from "../../shared/model/graph.ts";
import { type GraphSpec, graphSpecSchema, type JobSpecInput } from "../../shared/model/job-spec.ts";
import type { AttemptResult } from "../../shared/model/outcome.ts";
import { constantDigest, FAILED_EXIT, writeScript } from "./job-script.ts";
import { LASTING_AGENT, type Submission } from "./workload.ts";
import { HOUR_MS, type World } from "./world.ts";

/** `unended`: its second job has still to run. */
type Fate = "succeeded" | "failed" | "unended";

const MOST_RUNS = 4;
const MOST_GARBAGE = 8;
const RAN_MS = 60_000;
/** Within this time of the beginning some of them expire. */
const EXPIRING_MS = 60_000;

/** The submissions of the runs that were there. */
export async function plantPast(world: World): Promise<Submission[]> {
  if (!world.hasPast) return [];
  const { chance, journal, events, subjects } = world;
  let ids = 0;
  const newId = (): string => `past-${++ids}`;
  const toJournal = new StreamJournal(new MemoryConnection(journal), subjects, { newId });
  const toEvents = new StreamEventLog(new MemoryConnection(events), subjects, { newId });
  await toJournal.claimEpoch("past", 0);
  plantGarbage(world);
  const submissions: Submission[] = [];
  for (let number = 1; number <= chance.between(1, MOST_RUNS); number++) {
    const run = `past-${number}`;
    const fate = chance.pick<Fate>(["succeeded", "failed", "failed", "unended"]);
    const endedAt = world.clock.now() - drawAgeMs(world, fate);
    const { submission, payload, told } = plantRun(world, { run, fate, endedAt });
    await toJournal.append({ run, epoch: 1, batch: newId(), expectedSeq: 0, payload });
    await toEvents.store(run, 1, told);
    submissions.push(submission);
  }
  world.shelf.bucket.agoMs = 0;
  return submissions;
}

/** By the age runs are kept for: long since, not for long, or while the simulation goes on. */
function drawAgeMs({ chance, retention }: World, fate: Fate): number {
  const keptMs = retention.policy.keepRunsForMs;
  const olderMs = keptMs + chance.between(1, 48) * HOUR_MS;
  const youngerMs = chance.between(2, 23) * HOUR_MS;
  const expiringMs = keptMs - chance.between(0, EXPIRING_MS);
  return fate === "unended"
    ? chance.pick([olderMs, youngerMs])
    : chance.pick([olderMs, youngerMs, expiringMs]);
}

function plantRun(
  world: World,
  { run, fate, endedAt }: { readonly run: string; readonly fate: Fate; readonly endedAt: number },
): { submission: Submission; payload: Uint8Array; told: object[] } {
  const { chance } = world;
  const { bucket } = world.shelf;
  bucket.agoMs = world.clock.now() - endedAt;
  const isReproducible = chance.happens(0.5);
  const jobs = drawJobs(world, run, { fate, isReproducible });
  const spec = graphSpecSchema.parse({ jobs });
  const options = { keepGoing: true, priority: 500 };
  const digest = isReproducible ? constantDigest("j0") : digestOf(run);
  bucket.plant(`artifact/${digest}`, Buffer.from(digest));
  bucket.plant(`manifest/${digest}`, Buffer.from(digest));
  const submitted: RecordOf<"submitted"> = {
    type: "submitted",
    at: endedAt - RAN_MS,
    name: null,
    graph: plantGraph(world, spec),
    jobs: jobs.length,
    options: runOptionsSchema.parse(options),
  };
  const made = { digest, files: 1, bytes: 1 };
  const records = [
    submitted,
    ...attempt(world, { run, job: 0, at: endedAt, result: resultOf({ kind: "succeeded" }, made) }),
  ];
  const failed = { kind: "failed", reason: "exit", exitCode: FAILED_EXIT } as const;
  const outcome = fate === "failed" ? failed : ({ kind: "succeeded" } as const);
  if (fate !== "unended")
    records.push(...attempt(world, { run, job: 1, at: endedAt, result: resultOf(outcome, null) }));
  const told = foldAll(run, spec, records, endedAt);
  world.coverage.count(`run of the past: ${fate}`);
  return { submission: { run, jobs, options }, payload: new MessageCodec().encode(records), told };
}

/** One job makes what the other one needs; that one has sources, which only the graph names. */
function drawJobs(
  { shelf }: World,
  run: string,
  { fate, isReproducible }: { readonly fate: Fate; readonly isReproducible: boolean },
): JobSpecInput[] {
  const sources = digestOf(`sources of ${run}`);
  shelf.bucket.plant(`artifact/${sources}`, Buffer.from(sources));
  const common = { wallMs: 100, ignoresTerm: false, isChatty: false };
  const made = writeScript({
    ...common,
    endings: ["succeeds"],
    ...(isReproducible ? { makes: "constant" } : {}),
  });
  const endings = fate === "failed" ? (["fails"] as const) : (["succeeds"] as const);
  return [
    { name: "j0", run: { script: made }, outputs: ["out"] },
    { name: "j1", needs: [{ job: "j0" }], run: { script: writeScript({ ...common, endings }) }, sources },
  ];
}

function plantGraph({ chance, shelf }: World, spec: GraphSpec): RecordOf<"submitted">["graph"] {
  if (chance.happens(0.4)) return { inline: spec };
  return { digest: shelf.bucket.plantDocument("graph", spec) };
}

/** An attempt that was accepted, as its host knows it. */
function attempt(
  { pastEnds }: World,
  { run, job, at, result }: { run: string; job: number; at: number; result: AttemptResult },
): RunRecord[] {
  const lease = `lease-of-${run}-${job}`;
  const exitCode = result.outcome.kind === "succeeded" ? 0 : FAILED_EXIT;
  pastEnds.set(`${run}/${job}/1/${lease}`, {
    startedMs: 0,
    endedMs: 0,
    exit: { kind: "exited", exitCode, usage: { wallMs: 0, cpuMs: null, peakMemoryBytes: null } },
    digest: result.artifact?.digest,
  });
  return [
    { type: "assigned", at, job, attempt: 1, agent: LASTING_AGENT, incarnation: "past", lease },
    { type: "finished", at, job, attempt: 1, result, retryDelayMs: null },
  ];
}

function resultOf(outcome: AttemptResult["outcome"], artifact: AttemptResult["artifact"]): AttemptResult {
  return { outcome, artifact, wallMs: 100, cpuMs: null, peakMemoryBytes: null, logBytes: 0 };
}

/** Adds the end where there is one; gives the events. */
function foldAll(run: string, spec: GraphSpec, records: RunRecord[], endedAt: number): object[] {
  const compiled = compileGraph(spec);
  if (!compiled.ok) throw new Error("the past has a graph that is not valid");
  const state = newRunState(run, spec, compiled.graph, records[0] as RecordOf<"submitted">);
  const told: object[] = [];
  const take = (record: RunRecord): void => {
    told.push(...projectEvents(state, fold(state, record), record.at));
  };
  for (const record of records) take(record);
  const ended = onSettled(state, endedAt);
  for (const record of ended) take(record);
  records.push(...ended);
  return told;
}

/** Old objects that nothing refers to, among them what jobs of today make again, and what killed writers have left. */
function plantGarbage({ chance, shelf, retention }: World): void {
  const { bucket } = shelf;
  for (let number = 0; number < chance.between(1, MOST_GARBAGE); number++) {
    bucket.agoMs = retention.unreferencedForMs + chance.between(1, 100) * HOUR_MS;
    const digest = number % 2 === 0 ? constantDigest(`j${number}`) : digestOf(`garbage ${number}`);
    const kind =
      number % 2 === 0 ? "artifact" : chance.pick(["artifact", "manifest", "graph", "snapshot", "data"]);
    bucket.plant(`${kind}/${digest}`, Buffer.from(digest));
  }
  if (chance.happens(0.5)) bucket.storeChunk("left by a killed upload", Buffer.from("half"));
  if (chance.happens(0.5))
    bucket.write(0, { name: `data/${digestOf("removed")}`, nuid: "gone", bytes: 1, isRemoved: true });
}

function digestOf(what: string): string {
  return createHash("sha256").update(what).digest("hex");
}
