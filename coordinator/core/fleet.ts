/**
 * What the coordinator knows of its agents.
 *
 *   (unknown) ──hello──▶ up ──3 heartbeats missed──▶ suspect ──silent for lostAfterMs──▶ lost
 *                         ▲◀──any message──────────────┘                                  │
 *                         ▲◀──hello────────────────────────────────────────────────────────┘
 *                         └──bye──▶ left ──hello of another incarnation──▶ up
 *
 * A name belongs to one incarnation, its holder. One with the same records follows its predecessor at once. Any other that
 * says hello claims the name: whoever is there under it is asked for a hello. A holder that is not heard within CLAIM_MS
 * is gone, and the claimant follows it (an agent that was started again elsewhere); a holder that is heard keeps the name,
 * and the claimant is refused (two agents of one name).
 *
 * Time is the coordinator's own listening time (`listening-clock.ts`); nothing rests on the clocks of others.
 * Safe: 1. a message of an incarnation that is not the holder is refused; 2. a suspect agent's jobs stay its own; only
 * `lost`, `left` or a new holder give them up; 3. an incarnation that has left, or was followed by one with the same
 * records, does not come back, so a hello that was under way then registers nobody. Live: 4. whoever is heard under a
 * name and does not hold it is asked for a hello; 5. every claim ends, within CLAIM_MS and a tick.
 */
import { haveSameRecords } from "../../shared/model/incarnation.ts";
import type {
  AgentMode,
  AnswerReport,
  Bye,
  Heartbeat,
  HeldAttempt,
  Hello,
  Report,
} from "../../shared/model/messages.ts";
import type { Offer } from "./requirement.ts";

export interface FleetTimes {
  readonly heartbeatMs: number;
  readonly lostAfterMs: number;
}

export const DEFAULT_FLEET_TIMES: FleetTimes = { heartbeatMs: 2_000, lostAfterMs: 15_000 };

export type AgentState = "up" | "suspect" | "lost" | "left";

export interface AgentRecord {
  readonly name: string;
  /** The incarnation before this one, where that is known to have ended. */
  readonly predecessor: string | undefined;
  hello: Hello;
  state: AgentState;
  mode: AgentMode;
  load1: number | null;
  held: readonly HeldAttempt[];
  /** Why it takes no jobs though nobody told it to hold. */
  trouble: string | undefined;
  /** How many orders it has refused, by reason. */
  refused: Heartbeat["refused"];
  lastHeardMs: number;
}

export type FleetEffect =
  /** `isBack`: it was not there before, under this incarnation. */
  | { readonly kind: "joined"; readonly agent: AgentRecord; readonly isBack: boolean }
  /** Another process uses the name of an agent that is alive. */
  | { readonly kind: "nameTaken"; readonly agent: AgentRecord; readonly claimant: Hello }
  | { readonly kind: "offerChanged"; readonly agent: AgentRecord }
  | { readonly kind: "modeChanged"; readonly agent: AgentRecord }
  | { readonly kind: "suspected"; readonly agent: AgentRecord; readonly silentMs: number }
  | { readonly kind: "recovered"; readonly agent: AgentRecord }
  | { readonly kind: "lost"; readonly agent: AgentRecord; readonly silentMs: number }
  | { readonly kind: "left"; readonly agent: AgentRecord; readonly reason: string }
  | { readonly kind: "askHello"; readonly agent: string }
  | { readonly kind: "refused"; readonly agent: string; readonly reason: FleetRefusal };

/** Why a message of an agent counts for nothing: its sender is not registered, does not hold the name, or has left. */
export type FleetRefusal = "unknown" | "incarnation" | "left";

/** The wish of another incarnation for the name of an agent that is not known to be gone. */
interface Claim {
  hello: Hello;
  readonly sinceMs: number;
  /** The holder was heard: the claimant is not listened to until then. */
  refusedUntilMs: number | null;
}

export interface Fleet {
  readonly agents: Map<string, AgentRecord>;
  /** By the name that is claimed. */
  readonly claims: Map<string, Claim>;
  readonly times: FleetTimes;
}

/** An agent is suspect after so many heartbeats that did not come. */
export const MISSED_BEFORE_SUSPECT = 3;
/** Within this time a holder that is alive has answered. */
const CLAIM_MS = 1_000;

export function newFleet(times: FleetTimes): Fleet {
  return { agents: new Map(), claims: new Map(), times };
}

export function onHello(fleet: Fleet, hello: Hello, nowMs: number): FleetEffect[] {
  const known = fleet.agents.get(hello.agent);
  if (known === undefined) return join(fleet, hello, nowMs);
  if (known.hello.incarnation === hello.incarnation) {
    if (known.state === "left") return [{ kind: "refused", agent: hello.agent, reason: "left" }];
    return [...contest(fleet, known, nowMs), ...join(fleet, hello, nowMs)];
  }
  if (!isPresent(known)) return join(fleet, hello, nowMs);
  if (known.predecessor === hello.incarnation) {
    return [{ kind: "refused", agent: hello.agent, reason: "left" }];
  }
  return isSuccessor(hello, known) ? join(fleet, hello, nowMs) : claim(fleet, hello, nowMs);
}

export function onHeartbeat(fleet: Fleet, heartbeat: Heartbeat, nowMs: number): FleetEffect[] {
  const heard = hear(fleet, heartbeat, nowMs);
  if (heard.agent === undefined) return heard.effects;
  const { agent, effects } = heard;
  agent.load1 = heartbeat.load1;
  agent.held = heartbeat.held;
  agent.refused = heartbeat.refused;
  if (agent.trouble !== heartbeat.trouble) {
    agent.trouble = heartbeat.trouble;
    effects.push({ kind: "offerChanged", agent });
  }
  if (agent.mode !== heartbeat.mode) {
    agent.mode = heartbeat.mode;
    effects.push({ kind: "modeChanged", agent }, { kind: "offerChanged", agent });
  }
  return effects;
}

/** A report, or an answer, counts when nothing of this is a refusal. */
export function onReport(fleet: Fleet, report: Report | AnswerReport, nowMs: number): FleetEffect[] {
  return hear(fleet, report, nowMs).effects;
}

export function onBye(fleet: Fleet, bye: Bye, nowMs: number): FleetEffect[] {
  const { agent, effects } = hear(fleet, bye, nowMs);
  if (agent === undefined) return effects.filter((effect) => effect.kind !== "askHello");
  agent.state = "left";
  agent.held = [];
  return [...effects, { kind: "left", agent, reason: bye.reason }];
}

/** Time has passed: whose claim is not contested, who has been silent for too long? */
export function onTick(fleet: Fleet, nowMs: number): FleetEffect[] {
  const effects: FleetEffect[] = [];
  for (const { hello, sinceMs, refusedUntilMs } of [...fleet.claims.values()]) {
    if (refusedUntilMs === null && nowMs - sinceMs >= CLAIM_MS) effects.push(...join(fleet, hello, nowMs));
  }
  for (const agent of fleet.agents.values()) {
    if (!isPresent(agent)) continue;
    const silentMs = nowMs - agent.lastHeardMs;
    if (silentMs >= fleet.times.lostAfterMs) {
      agent.state = "lost";
      agent.held = [];
      effects.push({ kind: "lost", agent, silentMs });
    } else if (agent.state === "up" && silentMs >= MISSED_BEFORE_SUSPECT * fleet.times.heartbeatMs) {
      agent.state = "suspect";
      effects.push({ kind: "suspected", agent, silentMs }, { kind: "offerChanged", agent });
    }
  }
  return effects;
}

/**
 * The coordinator hears again: silence counts from here, as the agents may have been cut off, too. A holder may not have
 * heard that its name is claimed: claimants say hello again, and are then weighed anew.
 */
export function onOutageEnded(fleet: Fleet, nowMs: number): void {
  for (const agent of fleet.agents.values()) agent.lastHeardMs = nowMs;
  fleet.claims.clear();
}

/** Whether it may hold jobs: it is registered, and neither lost nor gone. */
export function isPresent(agent: AgentRecord): boolean {
  return agent.state === "up" || agent.state === "suspect";
}

/** What the agent offers the scheduler; one that is not up offers nothing new. */
export function offerOf(agent: AgentRecord): Offer {
  const { hello } = agent;
  return {
    name: agent.name,
    incarnation: hello.incarnation,
    capacity: hello.capacity,
    labels: new Map(hello.labels),
    pool: hello.pool,
    hasEngine: hello.versions.engine !== null,
    abilities: hello.abilities,
    identity: hello.host.identity,
    mode: agent.state === "up" ? agent.mode : "held",
    ...(agent.trouble === undefined ? {} : { trouble: agent.trouble }),
  };
}

function join(fleet: Fleet, hello: Hello, nowMs: number): FleetEffect[] {
  const known = fleet.agents.get(hello.agent);
  const isSame = known !== undefined && known.hello.incarnation === hello.incarnation && isPresent(known);
  const agent: AgentRecord = {
    name: hello.agent,
    predecessor: isSame ? known.predecessor : predecessorOf(hello, known),
    hello,
    state: "up",
    mode: hello.mode,
    load1: isSame ? known.load1 : null,
    held: hello.held,
    trouble: hello.trouble,
    refused: isSame ? known.refused : [],
    lastHeardMs: nowMs,
  };
  fleet.agents.set(hello.agent, agent);
  if (!isSame) fleet.claims.delete(hello.agent);
  const effects: FleetEffect[] = [{ kind: "joined", agent, isBack: !isSame }];
  return isSame && known.state === "suspect" ? [{ kind: "recovered", agent }, ...effects] : effects;
}

/** Two processes never have the same records at a time: the earlier one has ended. */
function isSuccessor(hello: Hello, known: AgentRecord): boolean {
  return haveSameRecords(known.hello.incarnation, hello.incarnation);
}

function predecessorOf(hello: Hello, known: AgentRecord | undefined): string | undefined {
  return known !== undefined && isSuccessor(hello, known) ? known.hello.incarnation : undefined;
}

/** Another incarnation wants the name: the holder is asked whether it is there. */
function claim(fleet: Fleet, hello: Hello, nowMs: number): FleetEffect[] {
  const claimed = fleet.claims.get(hello.agent);
  if (claimed?.hello.incarnation === hello.incarnation) {
    claimed.hello = hello;
    if (claimed.refusedUntilMs === null || nowMs < claimed.refusedUntilMs) return [];
  }
  fleet.claims.set(hello.agent, { hello, sinceMs: nowMs, refusedUntilMs: null });
  return [{ kind: "askHello", agent: hello.agent }];
}

/** The holder of a name is heard, so whoever claims it is another agent. */
function contest(fleet: Fleet, agent: AgentRecord, nowMs: number): FleetEffect[] {
  const claimed = fleet.claims.get(agent.name);
  if (claimed === undefined || claimed.refusedUntilMs !== null) return [];
  claimed.refusedUntilMs = nowMs + fleet.times.heartbeatMs;
  return [{ kind: "nameTaken", agent, claimant: claimed.hello }];
}

function hear(
  fleet: Fleet,
  message: { readonly agent: string; readonly incarnation: string },
  nowMs: number,
): { agent: AgentRecord | undefined; effects: FleetEffect[] } {
  const agent = fleet.agents.get(message.agent);
  const refused = (reason: FleetRefusal): { agent: undefined; effects: FleetEffect[] } => ({
    agent: undefined,
    effects: [
      { kind: "refused", agent: message.agent, reason },
      { kind: "askHello", agent: message.agent },
    ],
  });
  if (agent === undefined || !isPresent(agent)) return refused("unknown");
  if (agent.hello.incarnation !== message.incarnation) return refused("incarnation");
  agent.lastHeardMs = nowMs;
  const effects = contest(fleet, agent, nowMs);
  if (agent.state === "suspect") {
    agent.state = "up";
    effects.push({ kind: "recovered", agent }, { kind: "offerChanged", agent });
  }
  return { agent, effects };
}
