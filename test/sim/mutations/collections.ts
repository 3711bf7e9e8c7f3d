/** Broken decisions about what is collected, and when. */
import type { Mutation } from "../mutations.ts";

const COLLECTION = "coordinator/storage/collection.ts";
const REFERENCES = "coordinator/storage/run-references.ts";
const RETENTION = "coordinator/core/retention.ts";
const COORDINATOR = "coordinator/actors/coordinator.ts";

export const collectionMutations: readonly Mutation[] = [
  {
    breaks: "what a run refers to is not swept",
    file: COLLECTION,
    find: "if (digest === undefined || limits.filter.has(fingerprintOf(digest))) return false;",
    replace: "if (digest === undefined) return false;",
  },
  {
    breaks: "what was announced lately is not swept",
    file: COLLECTION,
    find: "if (entry.storedAtMs >= limits.olderThanMs) return false;",
    replace: "",
  },
  {
    breaks: "chunks of an upload under way are not swept",
    file: COLLECTION,
    find: "if (storedAtMs < olderThanMs && !nuids.has(fingerprintOf(nuid))) {",
    replace: "if (!nuids.has(fingerprintOf(nuid))) {",
  },
  {
    breaks: "chunks of objects that stay are not swept",
    file: COLLECTION,
    find: "if (storedAtMs < olderThanMs && !nuids.has(fingerprintOf(nuid))) {",
    replace: "if (storedAtMs < olderThanMs) {",
  },
  {
    breaks: "entries are listed until none is announced behind the list",
    file: COLLECTION,
    find: "for (let fromSeq = 0; fromSeq !== lastSeq; ) {",
    replace: "for (let fromSeq = 0; lastSeq === -1; ) {",
  },
  {
    breaks: "a run that is being retried is not removed",
    file: COLLECTION,
    find: "if (means.isRetried(run)) {",
    replace: "if (means.isRetried(run) && false) {",
  },
  {
    breaks: "a retry is known from its beginning on",
    file: COORDINATOR,
    find: 'if ("retryOf" in submission) this.#storekeeper.onRetryBegun(run, submission.retryOf);',
    replace: "",
  },
  {
    breaks: "what is given up is removed",
    file: COLLECTION,
    find: "await stores.removeRun(run, bounds);",
    replace: "void bounds;",
  },
  {
    breaks: "what an earlier leader gave up is removed",
    file: COLLECTION,
    find: "progress.runs.push(...removed);",
    replace: "void removed;",
  },
  {
    breaks: "a run is kept for its time",
    file: RETENTION,
    find: "return ageMs > policy.keepRunsForMs ||",
    replace: "return ageMs > 0 ||",
  },
  {
    breaks: "a run that has just ended is kept whatever the count",
    file: RETENTION,
    find: "(place >= policy.keepRuns && ageMs > FRESH_MS)",
    replace: "place >= policy.keepRuns",
  },
  {
    breaks: "what has not ended is not given up for its age",
    file: COLLECTION,
    find: "else if (last.removed === true) removed.push(entry.run);\n    else ended",
    replace: "else if (last.removed !== true) removed.push(entry.run);\n    else ended",
  },
  {
    breaks: "references in stored graphs count",
    file: REFERENCES,
    find: 'const documentKinds = ["graph", "data"] as const;',
    replace: 'const documentKinds = ["data"] as const;',
  },
];
