/**
 * When which fault strikes, drawn from a seed: the same seed and shape of cluster give the same schedule.
 *
 * 1. A target has one fault at a time, and a while of peace after it.
 * 2. Of clustered servers one is struck at a time, so that the others have a majority.
 * 3. The last fault is over before the end.
 */
import type { Randomness } from "../../shared/actor/contract.ts";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { type Fault, lengthMs, type Strike } from "./fault.ts";

export interface ScheduleOptions {
  readonly seed: number;
  readonly lengthMs: number;
  /** Time between two faults, on average. */
  readonly paceMs: number;
  /** Silence after which the cluster gives an agent up; some faults are longer. */
  readonly lostAfterMs: number;
  readonly coordinators: readonly string[];
  readonly agents: readonly string[];
  readonly servers: readonly string[];
  /** Clients that only watch: their network is struck, never their process. */
  readonly watchers: readonly string[];
}

type Kind = Fault["kind"];

const processFaults: readonly Kind[] = ["kill", "kill", "kill", "stop", "pause"];
const networkFaults: readonly Kind[] = ["cut", "silence"];
/** What a process needs to come up, on a busy machine. */
const PEACE_MS = 2_000;
const SHORTEST_MS = 200;
const SHORT_MS = 2_500;
/** A server that is away stops everything, so it never is for long. */
const SERVER_LONGEST_MS = 2_000;
/** This share of the faults of coordinators and agents outlasts the time to be given up. */
const LONG_SHARE = 0.15;
/** So often a coordinator and an agent are struck at once. */
const PAIR_SHARE = 0.1;

/** Draws all strikes, in order of time. */
export function drawSchedule(options: ScheduleOptions): Strike[] {
  const { coordinators, agents, servers, watchers } = options;
  const randomness = seededRandomness(options.seed);
  const busyUntilMs = new Map<string, number>();
  const strikes: Strike[] = [];

  const strike = (atMs: number, target: string, kind: Kind): void => {
    const fault = drawFault(kind, target, servers.includes(target), options.lostAfterMs, randomness);
    const overMs = atMs + lengthMs(fault) + PEACE_MS;
    const hurt = servers.includes(target) ? servers : [target];
    const isFree = hurt.every((name) => (busyUntilMs.get(name) ?? 0) <= atMs);
    if (!isFree || overMs > options.lengthMs) return;
    for (const name of hurt) busyUntilMs.set(name, overMs);
    strikes.push({ atMs: Math.round(atMs), fault });
  };
  const processes = [...coordinators, ...coordinators, ...agents, ...servers];
  const clients = [...coordinators, ...agents, ...watchers];
  for (let atMs = PEACE_MS; atMs < options.lengthMs; atMs += gapMs(options.paceMs, randomness)) {
    if (randomness.fraction() < PAIR_SHARE) {
      strike(atMs, pick(coordinators, randomness), "kill");
      strike(atMs, pick(agents, randomness), pick(processFaults, randomness));
    } else if (randomness.fraction() < 0.75) {
      strike(atMs, pick(processes, randomness), pick(processFaults, randomness));
    } else {
      strike(atMs, pick(clients, randomness), pick(networkFaults, randomness));
    }
  }
  return strikes;
}

function drawFault(
  kind: Kind,
  target: string,
  isServer: boolean,
  lostAfterMs: number,
  randomness: Randomness,
): Fault {
  if (kind === "cut") return { kind, target };
  const isLong = !isServer && randomness.fraction() < LONG_SHARE;
  const longestMs = isServer ? SERVER_LONGEST_MS : SHORT_MS;
  const [from, to] = isLong ? [1.2 * lostAfterMs, 2 * lostAfterMs] : [SHORTEST_MS, longestMs];
  const drawnMs = Math.round(from + (to - from) * randomness.fraction());
  return kind === "kill" || kind === "stop"
    ? { kind, target, downMs: drawnMs }
    : { kind, target, forMs: drawnMs };
}

/** Faults come in bursts as well as one by one. */
function gapMs(paceMs: number, randomness: Randomness): number {
  return -paceMs * Math.log(1 - randomness.fraction());
}

function pick<T>(choices: readonly T[], randomness: Randomness): T {
  return choices[Math.floor(randomness.fraction() * choices.length)]!;
}
