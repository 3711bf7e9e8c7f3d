/**
 * Snapshots of runs, so that a run of many records is brought back by the last few of them. Lines of text, stored as the
 * object `snapshot/<digest>`; the last message on the run's snapshot subject points at it.
 *
 * Nothing but time rests on them: the journal keeps all records, and a snapshot that is missing, damaged or of another
 * version is left aside. Safe: a pointer is written after its object, and by compare-and-set, so it never goes back.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Subjects } from "../../shared/bus/subjects.ts";
import { digestSchema } from "../../shared/model/job-spec.ts";
import { version } from "../../shared/model/version.ts";
import { verifiedBytes } from "../../shared/store/document.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { SNAPSHOT_FORMAT } from "../core/run-snapshot.ts";
import type { RunState } from "../core/run-state.ts";
import type { RecordStream } from "./record-stream.ts";

/** Up to which entry a snapshot holds. */
export interface SnapshotPlace {
  readonly seq: number;
  readonly epoch: number;
}

const pointerSchema = z.object({
  v: z.literal(1),
  digest: digestSchema,
  seq: z.number().int().positive(),
  epoch: z.number().int().positive(),
  format: z.number(),
  /** Of the coordinator that wrote it: another one may fold otherwise. */
  version: z.string(),
});
export type SnapshotPointer = z.infer<typeof pointerSchema>;

/** Lines that are on their way into an object. */
export interface PackedSnapshot {
  readonly digest: string;
  readonly pieces: readonly Uint8Array[];
}

export interface SnapshotsOptions {
  readonly stream: RecordStream;
  readonly subjects: Subjects;
  readonly objects: Objects;
  /** Called between lines: lets others go on when it is time to. */
  readonly giveWay: () => Promise<void>;
  readonly onLeftAside: (run: string, reason: string) => void;
  /** Records that are folded without a snapshot in any case. Default: 30,000, which takes about half a second. */
  readonly minRecords?: number;
}

const MIN_RECORDS = 30_000;
/** A snapshot costs the more the more jobs it has, so it stands for so many records of each. */
const RECORDS_PER_JOB = 0.5;

export class Snapshots {
  readonly #options: SnapshotsOptions;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Whether a run should have another one after so many records. */
  isDue({ jobs }: Pick<RunState, "jobs">, records: number): boolean {
    return records >= Math.max(this.#options.minRecords ?? MIN_RECORDS, RECORDS_PER_JOB * jobs.length);
  }

  /** The run's last snapshot, if this version can read it. */
  async find(run: string): Promise<SnapshotPointer | undefined> {
    const { stream, subjects } = this.#options;
    const last = await stream.last(subjects.snapshot(run));
    if (last === undefined) return undefined;
    const pointer = readPointer(last.payload);
    if (pointer?.format === SNAPSHOT_FORMAT && pointer.version === version) return pointer;
    this.leaveAside(run, `it was written by version ${pointer?.version ?? "unknown"}`);
    return undefined;
  }

  /** The lines of a snapshot; throws before the first one when they are not what was stored. */
  async *lines({ digest }: SnapshotPointer): AsyncGenerator<string> {
    const bytes = await verifiedBytes(this.#options.objects, "snapshot", digest);
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf("\n", start);
      yield bytes.toString("utf8", start, end);
      start = end + 1;
      await this.#options.giveWay();
    }
  }

  /** Takes the lines as fast as others allow. */
  async pack(lines: Iterable<string>): Promise<PackedSnapshot> {
    const hash = createHash("sha256");
    const pieces: Uint8Array[] = [];
    for (const line of lines) {
      const piece = Buffer.from(`${line}\n`);
      hash.update(piece);
      pieces.push(piece);
      await this.#options.giveWay();
    }
    return { digest: hash.digest("hex"), pieces };
  }

  /** Stores a snapshot and drops the one before it; a run whose snapshot is further on by now keeps that one. */
  async keep(run: string, { digest, pieces }: PackedSnapshot, { seq, epoch }: SnapshotPlace): Promise<void> {
    const { stream, subjects, objects } = this.#options;
    const subject = subjects.snapshot(run);
    const last = await stream.last(subject);
    const before = last === undefined ? undefined : readPointer(last.payload);
    if (before !== undefined && before.seq >= seq) return;
    await objects.put(nameOf(digest), () => pieces);
    const pointer: SnapshotPointer = { v: 1, digest, seq, epoch, format: SNAPSHOT_FORMAT, version };
    const payload = Buffer.from(JSON.stringify(pointer));
    const batch = `${run}@${seq}`;
    const answer = await stream.publish({ subject, payload, batch, epoch, expectedSeq: last?.seq ?? 0 });
    const isReplaced = answer.kind === "stored" && before !== undefined && before.digest !== digest;
    if (isReplaced) await objects.remove(nameOf(before.digest));
  }

  /** It is not used, and why: somebody should know, as starting takes longer. */
  leaveAside(run: string, reason: string): void {
    this.#options.onLeftAside(run, reason);
  }
}

function nameOf(digest: string): string {
  return `snapshot/${digest}`;
}

/** Undefined for one that this version can't read. */
function readPointer(payload: Uint8Array): SnapshotPointer | undefined {
  try {
    return pointerSchema.parse(JSON.parse(Buffer.from(payload).toString()));
  } catch {
    return undefined;
  }
}
