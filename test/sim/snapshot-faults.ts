/**
 * Faults of snapshots: the last one of a run is gone or damaged, or its pointer says what the journal does not bear out, as
 * after the loss of a server's last messages or by another version. A coordinator that starts then has to leave it aside.
 */
import { createHash } from "node:crypto";
import type { SnapshotPointer } from "../../coordinator/journal/snapshots.ts";
import { crash, type Fault, later, type Scene } from "./fault-scene.ts";

const AGAIN_MS = 4_000;

const KINDS = ["gone", "damaged", "entry", "epoch", "version", "format", "foreign"] as const;
type Kind = (typeof KINDS)[number];

/** Spoils the last snapshots of runs again and again, and ends all coordinators, so that they start with what is left. */
function spoilSnapshots(scene: Scene, rounds = 3): void {
  const { world, coordinators } = scene.cluster;
  const { chance, journal, subjects } = world;
  if (world.isAtPeace) return;
  for (const { subject } of journal.lastOfEach(subjects.snapshotAll()))
    spoil(scene, subject, chance.pick(KINDS));
  for (const coordinator of coordinators.filter(({ node }) => node !== undefined)) {
    crash(scene, coordinator, "coordinator killed");
  }
  if (rounds > 1) later(scene, 100, AGAIN_MS, () => spoilSnapshots(scene, rounds - 1));
}

function spoil({ cluster, court }: Scene, subject: string, kind: Kind): void {
  const { coverage, journal, shelf, subjects, trace } = cluster.world;
  const last = journal.last(subject);
  if (last === undefined) return;
  const run = subject.slice(subject.lastIndexOf(".") + 1);
  if (court.journal.runs.get(run)?.ended !== undefined) return;
  const pointer = JSON.parse(Buffer.from(last.payload).toString()) as SnapshotPointer;
  const name = `snapshot/${pointer.digest}`;
  const { bucket } = shelf;
  const bytes = bucket.bytesOf(name);
  if (bytes === undefined) return;
  coverage.count(`snapshot spoiled: ${kind}`);
  trace.add("store", () => `FAULT snapshot of ${run}: ${kind}`);
  // Whoever took it would wait for a job that the run does not have.
  const wrong = Buffer.from(
    bytes.toString().replace(/"waiting":(\d+)/, (_, count) => `"waiting":${Number(count) + 1}`),
  );
  if (kind === "gone") return bucket.lose(name);
  if (kind === "damaged") return bucket.tamper(name, wrong);
  const digest = createHash("sha256").update(wrong).digest("hex");
  bucket.plant(`snapshot/${digest}`, wrong);
  const others = journal.lastOfEach(subjects.snapshotAll()).filter((other) => other.subject !== subject);
  const payload =
    kind === "foreign"
      ? others[0]?.payload
      : Buffer.from(JSON.stringify({ ...pointer, digest, ...lie(pointer, kind, last.seq) }));
  if (payload === undefined) return;
  journal.store({ subject, payload, batch: `spoiled ${last.seq}`, epoch: last.epoch, expectedSeq: last.seq });
}

/** What is wrong with the pointer; at its own place in the stream there is no entry of a run. */
function lie(pointer: SnapshotPointer, kind: Kind, ownSeq: number): Partial<SnapshotPointer> {
  switch (kind) {
    case "entry":
      return { seq: ownSeq };
    case "epoch":
      return { epoch: pointer.epoch + 1 };
    case "version":
      return { version: "another" };
    default:
      return { format: pointer.format + 1 };
  }
}

const STRUCK_MS = 30;

/**
 * A run is cancelled or held, or goes on; all coordinators die at its next snapshot, so that the first one to come back
 * begins with what is in it.
 */
function struckAtSnapshot(scene: Scene): void {
  const { cluster, court, commands } = scene;
  const { chance, clock, coverage, isAtPeace } = cluster.world;
  if (isAtPeace) return;
  const busy = [...court.journal.runs.values()].filter(
    (run) => run.ended === undefined && run.jobs.some((job) => run.leaseOf(job) !== undefined),
  );
  if (busy.length === 0) return later(scene, 200, AGAIN_MS, () => struckAtSnapshot(scene));
  const { run } = chance.pick(busy);
  const isPeace = (): boolean => cluster.world.isAtPeace;
  court.onNextSnapshot(run, () => {
    clock.schedule(chance.between(0, STRUCK_MS), () => {
      if (isPeace()) return;
      coverage.count("all coordinators struck at a snapshot");
      for (const coordinator of cluster.coordinators) {
        if (coordinator.node !== undefined) crash(scene, coordinator, "coordinator killed");
      }
    });
  });
  const what = chance.pick(["cancel", "hold", "hold", "nothing"] as const);
  if (what === "cancel") commands.cancel(run, undefined);
  if (what === "hold") commands.hold({ run });
}

/** Every kind, by a name for the draw. */
export const snapshotFaults: Readonly<Record<string, Fault>> = { spoilSnapshots, struckAtSnapshot };
