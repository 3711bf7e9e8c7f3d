/**
 * The way of a run's records into its journal: folded as they are decided, appended in groups, and what they entail
 * carried out once they are stored.
 *
 * Safe: 1. the state changes by folding alone; 2. nothing is carried out before its record is stored
 * (`core/group-commit.ts`). Live: 3. an append that is refused for now is repeated, with the same batch.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { RunView } from "../../shared/model/api.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { GroupCommit } from "../core/group-commit.ts";
import type { RunRecord } from "../core/record.ts";
import * as decide from "../core/run-decide.ts";
import { fold } from "../core/run-fold.ts";
import type { RunState } from "../core/run-state.ts";
import { viewRun } from "../core/run-view.ts";
import type { AppendResult } from "../journal/journal.ts";
import type { RunMessage, StoreWait } from "./messages.ts";
import { type Consequence, type Consequences, consequencesOf } from "./run-consequences.ts";
import type { RunJobs } from "./run-jobs.ts";
import type { RunPatience } from "./run-patience.ts";
import { RunSnapshots } from "./run-snapshots.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

const MAX_RECORDS = 1000;
const MAX_APPEND_BYTES = 512 * 1024;
const APPEND = "the append to its journal";

export interface WriterParts {
  readonly jobs: RunJobs;
  readonly consequences: Consequences;
  readonly patience: RunPatience;
}

export class RunWriter {
  readonly snapshots: RunSnapshots;
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #parts: WriterParts;
  readonly #context: Context<RunMessage>;
  readonly #commit: GroupCommit<Consequence>;

  /** Goes on behind the entry `seq`; `tail` records of it are in no snapshot. */
  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    parts: WriterParts,
    { seq, tail }: { readonly seq: number; readonly tail: number },
    context: Context<RunMessage>,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#parts = parts;
    this.#context = context;
    this.#commit = new GroupCommit<Consequence>({ seq, maxRecords: MAX_RECORDS });
    this.snapshots = new RunSnapshots(state, surroundings, this.#commit, context, tail);
  }

  /** Why and since when the journal keeps the run waiting, if it does. */
  get wait(): StoreWait | undefined {
    return this.#parts.patience.waitFor(APPEND, this.#context);
  }

  /** Takes the records and what follows from them, and appends them when no append is in flight. */
  record(records: readonly RunRecord[]): void {
    // A record may entail others (fail fast, the end): take them too, until nothing follows.
    for (let next = records; next.length > 0; next = decide.onSettled(this.#state, this.#context.now())) {
      this.stage(next);
    }
    this.send();
  }

  /** Folds records that go into the journal with the next ones. */
  stage(records: readonly RunRecord[]): void {
    for (const record of records) {
      const changes = fold(this.#state, record);
      this.#parts.jobs.onFolded(changes);
      this.snapshots.onRecord();
      this.#commit.stage(record, consequencesOf(this.#state, changes, record.at));
    }
  }

  /** What must not overtake the records that are staged. */
  stageConsequence(consequence: Consequence): void {
    this.#commit.stage(null, [consequence]);
  }

  /** Carries out what waits for no record, and appends what is staged when no append is in flight. */
  send(): void {
    this.#parts.consequences.carryOut(this.#commit.takeFree());
    let batch = this.#commit.take();
    if (batch === undefined) return;
    const { run, epoch, journal, codec } = this.#surroundings;
    let payload = codec.encode(batch.records);
    while (payload.length > MAX_APPEND_BYTES) {
      const half = this.#commit.halve();
      if (half === undefined) break;
      batch = half;
      payload = codec.encode(batch.records);
    }
    const append = { run, epoch, batch: this.#context.id(), expectedSeq: batch.expectedSeq, payload };
    // What listings may show once this is stored; not while more is staged than the batch took.
    const view = this.#commit.hasStaged ? undefined : viewRun(this.#state);
    const done = (result: AppendResult): RunMessage => ({ kind: "appended", result, view });
    const request = (): Promise<AppendResult> => journal.append(append);
    this.#parts.patience.ask({ name: APPEND, request }, done, this.#context);
  }

  /** Goes on behind what was stored. Returns the epoch of a later leader that has written instead. */
  onAppended(result: AppendResult, view: RunView | undefined): { readonly deposedBy: number } | undefined {
    const { epoch, views } = this.#surroundings;
    if (result.kind === "conflict") {
      if (result.epoch > epoch) return { deposedBy: result.epoch };
      // By this actor's predecessor, or an earlier leader to a run that is new here: start again from the journal.
      throw new MillraceError("conflict", `run ${this.#state.run} was written to by somebody else`);
    }
    if (view !== undefined) views.set(view.run, view);
    this.#parts.consequences.carryOut(this.#commit.onStored(result.seq));
    this.send();
    return undefined;
  }
}
