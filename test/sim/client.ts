/** Somebody who submits runs and gives commands: repeats a request until a coordinator answers, as the library does. */
import type { Verb } from "../../shared/model/api.ts";
import type { Cluster } from "./cluster.ts";

interface Answer {
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

const PATIENCE_MS = 3_000;
const TRIES = 100;

/** Asks until there is an answer; undefined when nobody ever answers. */
export async function askCluster(cluster: Cluster, verb: Verb, request: object): Promise<Answer | undefined> {
  for (let count = 0; count < TRIES; count++) {
    const answer = await askOnce(cluster, verb, request);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function askOnce(cluster: Cluster, verb: Verb, request: object): Promise<Answer | undefined> {
  const { clock, chance } = cluster.world;
  return new Promise((resolve) => {
    const cancel = clock.schedule(PATIENCE_MS, () => resolve(undefined));
    const living = cluster.coordinators.filter(({ node }) => node?.process.state === "running");
    if (living.length === 0) return;
    chance
      .pick(living)
      .ask(verb, request)
      .then(
        (answer) => {
          cancel();
          resolve(answer as Answer);
        },
        (error: { code?: string; message: string }) => {
          // What can't be answered at present is asked again after a while.
          if (error.code === undefined || error.code === "timeout" || error.code === "unavailable") return;
          cancel();
          resolve({ ok: false, error: { code: error.code, message: error.message } });
        },
      );
  });
}
