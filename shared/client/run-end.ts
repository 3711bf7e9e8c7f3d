/**
 * Waits until a run has ended. Its live event tells, which costs nothing however many events there are in between. Live
 * events may be lost, with a connection or with the leader that would have sent it: so the coordinator is asked as well,
 * when the subscription is there, after each outage, and now and then.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../bus/connection.ts";
import type { RunView } from "../model/api.ts";
import { asMillraceError } from "../model/error.ts";

const ASK_AGAIN_MS = 5_000;
/** Once it is said to have ended: whoever answers may be a moment behind. */
const CONFIRM_AGAIN_MS = 50;

/** Resolves with the ended run; `ask` gives the run as the coordinator knows it. */
export async function waitForEnd(
  bus: Bus,
  run: string,
  ask: () => Promise<RunView>,
  signal: AbortSignal | undefined,
): Promise<RunView> {
  let isTold = false;
  let pause = new AbortController();
  const wake = (): void => pause.abort();
  const subscription = bus.connection.subscribe(bus.subjects.runEvent(run, "run.finished"), {
    callback: (denied) => {
      if (denied !== null) return;
      isTold = true;
      wake();
    },
  });
  const unheard = bus.onStatus(({ kind }) => {
    if (kind === "connected") wake();
  });
  signal?.addEventListener("abort", wake);
  try {
    for (;;) {
      signal?.throwIfAborted();
      pause = new AbortController();
      const view = await known(ask);
      if (view !== undefined && view.status !== "running" && view.status !== "cancelling") return view;
      if (bus.connection.isClosed()) return await ask();
      const pauseMs = isTold ? CONFIRM_AGAIN_MS : ASK_AGAIN_MS;
      // Cut short where it is woken, also while the coordinator was being asked.
      await sleep(pauseMs, undefined, { signal: pause.signal }).catch(() => undefined);
    }
  } finally {
    subscription.unsubscribe();
    unheard();
    signal?.removeEventListener("abort", wake);
  }
}

/** Undefined while nobody answers: an outage is waited out. */
async function known(ask: () => Promise<RunView>): Promise<RunView | undefined> {
  try {
    return await ask();
  } catch (error) {
    const { code } = asMillraceError(error, "the run could not be asked for");
    if (code === "unavailable" || code === "timeout") return undefined;
    throw error;
  }
}
