/** Broken decisions about reuse: what equal means, who waits for whom, and what becomes of both at a takeover. */
import type { Mutation } from "../mutations.ts";

const KEY = "coordinator/core/reuse-key.ts";
const DECIDE = "coordinator/core/reuse-decide.ts";
const CLAIMS = "coordinator/core/reuse-claims.ts";
const REUSE = "coordinator/actors/reuse.ts";
const RUN_REUSE = "coordinator/actors/run-reuse.ts";

export const reuseMutations: readonly Mutation[] = [
  {
    breaks: "a key has the artifacts of what a job needs in it",
    file: KEY,
    find: 'key: digestOf(["key", VERSION, own, inputs.artifacts]),',
    replace: 'key: digestOf(["key", VERSION, own]),',
  },
  {
    breaks: "a key has the variables of a job in it",
    file: KEY,
    find: "for (const [name, value] of variables) components",
    replace: "for (const [name, value] of [] as typeof variables) components",
  },
  {
    breaks: "without the cutoff inputs have to be the same, too",
    file: REUSE,
    find: "return result.key === look.keys.key;",
    replace: "return true;",
  },
  {
    breaks: "a run that asks for no reuse has none",
    file: DECIDE,
    find: "if (!state.options.reuse || !isReusable(state, index)) return false;",
    replace: "if (!isReusable(state, index)) return false;",
  },
  {
    breaks: "a job that is not reused holds its keys",
    file: CLAIMS,
    find: "for (const wanted of free) this.#holders.set(wanted, claimant);",
    replace: "",
  },
  {
    breaks: "keys are free when their job has ended",
    file: CLAIMS,
    find: "for (const key of keys) this.#holders.delete(key);",
    replace: "",
  },
  {
    breaks: "who waits for keys looks again when they are free",
    file: REUSE,
    find: "for (const question of waiting ?? []) this.#search(question, context);",
    replace: "void waiting; void context;",
  },
  {
    breaks: "a silent store of results keeps nobody waiting",
    file: REUSE,
    find: 'else if (question.phase === "looking") this.#onLate(question, context);',
    replace: "",
  },
  {
    breaks: "what jobs hold is told at a takeover",
    file: RUN_REUSE,
    find: 'this.#surroundings.reuse.tell({ kind: "claims", run, claims });',
    replace: "void claims; void run;",
  },
];
