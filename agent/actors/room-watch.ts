/** Looks whether an agent has room for jobs: one look at a time, as a disk in trouble may take long to answer. */
import type { Context } from "../../shared/actor/contract.ts";

/** What keeps the agent from taking jobs, if anything does. */
export interface Looked {
  readonly kind: "looked";
  readonly trouble: string | undefined;
}

export class RoomWatch {
  readonly #trouble: () => Promise<string | undefined>;
  #isLooking = false;

  constructor(trouble: () => Promise<string | undefined>) {
    this.#trouble = trouble;
  }

  /** The answer is told to the agent. */
  look(context: Pick<Context<Looked>, "pipe">): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    context.pipe(
      this.#trouble().finally(() => {
        this.#isLooking = false;
      }),
      (trouble) => ({ kind: "looked", trouble }),
      (error) => ({ kind: "looked", trouble: `its folders can't be looked at: ${String(error)}` }),
    );
  }
}
