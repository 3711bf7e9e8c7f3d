/**
 * Looks after the processes of attempts with as few looks at /proc as do: it samples the memory of those that run for
 * a while, ends what is left of those that have ended, and says when nobody can write to their logs any more.
 *
 * One census serves all attempts. An attempt is sampled when it has run for `SAMPLE_AFTER_MS`, so a short job costs
 * nothing, then every `LOOK_MS`; what has ended is looked for at most every `LOOK_MS`; with nothing to look after
 * there is no timer.
 *
 * Safe: only processes of attempts that this agent has run, or in the session of its own spawners, are signalled.
 * Live: an ended attempt stays on the list until a census begun after its end has found nothing of it.
 */
import { type EndedAttempt, withoutHolders } from "./log-holders.ts";
import { type CensusEntry, memoryOf, signalProcess, uptimeTicks } from "./process-census.ts";
import { SharedCensus } from "./shared-census.ts";

const SAMPLE_AFTER_MS = 250;
const LOOK_MS = 1_000;
const KILL_ROUNDS = 50;

interface Running {
  readonly session: number;
  readonly log: string;
  readonly sinceTicks: number;
  sampleAtMs: number;
  peakBytes: number | null;
}

/** Waits for a look that finds nothing of it. */
interface Ended extends EndedAttempt {
  readonly settle: (isQuiet: boolean) => void;
}

export class ProcessWatch {
  readonly #census = new SharedCensus();
  readonly #running = new Map<string, Running>();
  readonly #ended = new Map<string, Ended>();
  /** Whether the log of an ended attempt is nobody's any more, until that is asked. */
  readonly #quiet = new Map<string, Promise<boolean>>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #lastLookMs = 0;
  #isClosed = false;

  /** An attempt begins in the session of its spawner; `sinceTicks` is a time before it was started. */
  began(attempt: string, session: number, log: string, sinceTicks = uptimeTicks()): void {
    this.#running.set(attempt, {
      session,
      log,
      sinceTicks,
      sampleAtMs: performance.now() + SAMPLE_AFTER_MS,
      peakBytes: null,
    });
    this.#wait();
  }

  /** Its command has ended: the next look ends what is left of it. Gives its peak memory, where it was sampled. */
  finished(attempt: string): number | null {
    const running = this.#running.get(attempt);
    if (running === undefined) return null;
    const { peakBytes, log, sinceTicks } = running;
    this.#running.delete(attempt);
    const isQuiet = new Promise<boolean>((settle) => {
      this.#ended.set(attempt, { log, sinceTicks, settle });
    });
    this.#quiet.set(attempt, isQuiet);
    this.#wait();
    return peakBytes;
  }

  /** Resolves when nothing of an ended attempt is left: with whether its log is surely nobody's any more. Asked once. */
  isQuiet(attempt: string): Promise<boolean> {
    const isQuiet = this.#quiet.get(attempt) ?? Promise.resolve(false);
    this.#quiet.delete(attempt);
    return isQuiet;
  }

  /** Kills every process of an attempt, those that left its group too, until a census finds none. */
  async killAll(attempt: string): Promise<void> {
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const members = (await this.#census.take()).filter((entry) => entry.attempt === attempt);
      if (members.length === 0) return;
      for (const member of members) signalProcess(member, "SIGKILL");
    }
  }

  /** Whether a process of an attempt is there that has its environment. */
  async hasProcess(attempt: string): Promise<boolean> {
    return (await this.#census.take()).some((entry) => entry.attempt === attempt);
  }

  /** Signals what left the group of a running attempt. */
  async signalEscaped(attempt: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const session = this.#running.get(attempt)?.session;
    for (const entry of await this.#census.take()) {
      if (entry.attempt === attempt && entry.session !== session) signalProcess(entry, signal);
    }
  }

  /** Ends what is left of the ended attempts, now, and stops looking. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#ended.size > 0) endLeft(await this.#census.take(), this.#ended);
    this.#giveUp();
  }

  /** Stops looking and leaves what runs alone. */
  abandon(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#giveUp();
  }

  #giveUp(): void {
    for (const { settle } of this.#ended.values()) settle(false);
    this.#ended.clear();
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#isLooking || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isDue(performance.now())) void this.#look();
      else this.#wait();
    }, SAMPLE_AFTER_MS);
    this.#timer.unref();
  }

  #isDue(nowMs: number): boolean {
    if (this.#ended.size > 0 && nowMs - this.#lastLookMs >= LOOK_MS) return true;
    for (const { sampleAtMs } of this.#running.values()) if (sampleAtMs <= nowMs) return true;
    return false;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#lastLookMs = performance.now();
    const ended = new Map(this.#ended);
    const census = await this.#census.take();
    for (const attempt of endLeft(census, ended)) ended.delete(attempt);
    const quiet = withoutHolders(ended, census);
    for (const [attempt, { settle }] of ended) {
      settle(quiet.has(attempt));
      this.#ended.delete(attempt);
    }
    this.#sample(census);
    this.#isLooking = false;
    if (this.#running.size > 0 || this.#ended.size > 0) this.#wait();
  }

  #sample(census: readonly CensusEntry[]): void {
    const bySession = new Map<number, string>();
    for (const [attempt, running] of this.#running) {
      bySession.set(running.session, attempt);
      running.sampleAtMs = Math.max(running.sampleAtMs, this.#lastLookMs + LOOK_MS);
    }
    const residentBytes = new Map<string, number>();
    for (const entry of census) {
      const attempt = entry.attempt ?? bySession.get(entry.session);
      const running = attempt === undefined ? undefined : this.#running.get(attempt);
      // The spawner leads the session; it is not the job's.
      if (attempt === undefined || running === undefined || entry.pid === running.session) continue;
      const memory = memoryOf(entry.pid);
      const resident = (residentBytes.get(attempt) ?? 0) + memory.residentBytes;
      residentBytes.set(attempt, resident);
      running.peakBytes = Math.max(running.peakBytes ?? 0, resident, memory.peakBytes);
    }
  }
}

/** Kills what is left of these attempts; gives those of which something was. */
function endLeft(census: readonly CensusEntry[], ended: ReadonlyMap<string, unknown>): Set<string> {
  const found = new Set<string>();
  for (const entry of census) {
    if (entry.attempt === undefined || !ended.has(entry.attempt)) continue;
    if (signalProcess(entry, "SIGKILL")) found.add(entry.attempt);
  }
  return found;
}
