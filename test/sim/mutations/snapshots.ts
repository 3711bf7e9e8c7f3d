/** Broken decisions about snapshots of runs: what is in them, and when they are taken or left aside. */
import type { Mutation } from "../mutations.ts";

const LOADER = "coordinator/journal/run-loader.ts";
const FORMAT = "coordinator/core/run-snapshot.ts";

/** A field that is not written comes back as it was at the submission. */
function unwritten(field: string): Mutation {
  return {
    breaks: `a snapshot has the ${field} of the run`,
    file: FORMAT,
    find: "carried, jobs, ...rest } = state;",
    replace: `carried, jobs, ${field}, ...rest } = state; void ${field};`,
  };
}

export const snapshotMutations: readonly Mutation[] = [
  {
    breaks: "a snapshot is of an entry that the journal has",
    file: LOADER,
    find: "if (entry?.seq !== seq || entry.epoch !== epoch) throw",
    replace: "if (entry === undefined) throw",
  },
  {
    breaks: "a snapshot is of the epoch of its entry",
    file: LOADER,
    find: "if (entry?.seq !== seq || entry.epoch !== epoch) throw",
    replace: "if (entry?.seq !== seq) throw",
  },
  {
    breaks: "a snapshot whose events are not all stored is left aside",
    file: LOADER,
    find: "if (state.eventSeq > lastStoredEvent) throw",
    replace: "if (state.eventSeq < 0) throw",
  },
  {
    breaks: "all records are folded where no snapshot fits",
    file: LOADER,
    find: "snapshots.leaveAside(run, reasonOf(error));\n    return undefined;",
    replace: "throw error;",
  },
  {
    breaks: "a snapshot that is damaged is left aside",
    file: "shared/store/document.ts",
    find: "if (sha256(bytes) === digest) return bytes;",
    replace: "if (bytes.length > 0) return bytes;",
  },
  {
    breaks: "a run goes on behind its snapshot",
    file: "coordinator/journal/run-replay.ts",
    find: "replay.#seq = snapshot.seq;",
    replace: "replay.#seq = snapshot.seq + 3;",
  },
  ...["counts", "eventSeq"].map(unwritten),
];
