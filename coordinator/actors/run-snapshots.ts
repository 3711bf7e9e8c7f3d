/**
 * Writes a snapshot of one run now and then, so that the next leader has few records to fold.
 *
 *   counting ──enough records──▶ due ──the run's next turn──▶ packing ──▶ cut ──its entry stored──▶ keeping ──▶ counting
 *
 * Safe: 1. while the state is packed the run takes no message, so nothing changes it; 2. the entry that holds the last
 * record of that state ends there (`GroupCommit.cut`), so the state is that of the journal up to this entry. Live: 3. a
 * snapshot that fails is logged and harms nothing; the next one is tried after as many records again.
 */
import type { Context } from "../../shared/actor/contract.ts";
import type { GroupCommit } from "../core/group-commit.ts";
import { writeRun } from "../core/run-snapshot.ts";
import type { RunState } from "../core/run-state.ts";
import type { PackedSnapshot } from "../journal/snapshots.ts";
import type { RunMessage } from "./messages.ts";
import type { RunSurroundings } from "./run-surroundings.ts";

const SETTLING_RECORDS = 100;

export class RunSnapshots {
  readonly #state: RunState;
  readonly #surroundings: RunSurroundings;
  readonly #commit: Pick<GroupCommit<never>, "cut">;
  readonly #context: Context<RunMessage>;
  /** Records since the last snapshot. */
  #records: number;
  /** A leader that has just taken over has better things to do than to write one. */
  #earliest: number;
  #isWriting = false;

  constructor(
    state: RunState,
    surroundings: RunSurroundings,
    commit: Pick<GroupCommit<never>, "cut">,
    context: Context<RunMessage>,
    records: number,
  ) {
    this.#state = state;
    this.#surroundings = surroundings;
    this.#commit = commit;
    this.#context = context;
    this.#records = records;
    this.#earliest = records === 0 ? 0 : records + SETTLING_RECORDS;
  }

  onRecord(): void {
    this.#records += 1;
    if (this.#isWriting || this.#records < this.#earliest) return;
    if (this.#surroundings.snapshots?.isDue(this.#state, this.#records) !== true) return;
    this.#isWriting = true;
    this.#context.self.tell({ kind: "snapshotDue" });
  }

  /** Packs the state; the run has to wait for it. */
  async take(): Promise<void> {
    const { snapshots } = this.#surroundings;
    if (snapshots === undefined || this.#state.endedAt !== null) return;
    this.#records = 0;
    this.#earliest = 0;
    try {
      const packed = await snapshots.pack(writeRun(this.#state));
      this.#commit.cut((seq) => this.#keep(packed, seq));
    } catch (error) {
      this.onWritten(String(error));
    }
  }

  onWritten(failure: string | null): void {
    this.#isWriting = false;
    if (failure === null) return;
    this.#context.log.warn({ run: this.#state.run, reason: failure }, "a snapshot could not be stored");
  }

  #keep(packed: PackedSnapshot, seq: number): void {
    const { run, epoch, snapshots } = this.#surroundings;
    if (snapshots === undefined) return;
    this.#context.pipe(
      snapshots.keep(run, packed, { seq, epoch }),
      () => ({ kind: "snapshotWritten", failure: null }),
      (error) => ({ kind: "snapshotWritten", failure: String(error) }),
    );
  }
}
