/**
 * What the coordinator knows of its agents.
 *
 *   (unknown) ──hello──▶ up ──3 heartbeats missed──▶ suspect ──silent for lostAfterMs──▶ lost
 *                         ▲◀──any message──────────────┘                                  │
 *                         ▲◀──hello────────────────────────────────────────────────────────┘
 *                         └──bye──▶ left ──hello──▶ up
 *
 * Time is the coordinator's own monotonic clock; nothing rests on the clocks of others.
 * Safe: 1. a message of an incarnation other than the last that said hello is refused; 2. a suspect agent's jobs
 * stay its own; only `lost`, `left` or a new incarnation give them up. Live: 3. an agent that is unknown, or was
 * lost, and is heard again is asked for a hello.
 */
import type { AgentMode, Bye, Heartbeat, HeldAttempt, Hello, Report } from "../../shared/model/messages.ts";
import type { Offer } from "./requirement.ts";

export interface FleetTimes {
  readonly heartbeatMs: number;
  readonly lostAfterMs: number;
}

export type AgentState = "up" | "suspect" | "lost" | "left";

export interface AgentRecord {
  readonly name: string;
  hello: Hello;
  state: AgentState;
  mode: AgentMode;
  load1: number | null;
  held: readonly HeldAttempt[];
  lastHeardMs: number;
}

export type FleetEffect =
  | { readonly kind: "joined"; readonly agent: AgentRecord; readonly isNewIncarnation: boolean }
  | { readonly kind: "offerChanged"; readonly agent: AgentRecord }
  | { readonly kind: "modeChanged"; readonly agent: AgentRecord }
  | { readonly kind: "suspected"; readonly agent: AgentRecord; readonly silentMs: number }
  | { readonly kind: "recovered"; readonly agent: AgentRecord }
  | { readonly kind: "lost"; readonly agent: AgentRecord; readonly silentMs: number }
  | { readonly kind: "left"; readonly agent: AgentRecord; readonly reason: string }
  | { readonly kind: "askHello"; readonly agent: string }
  | { readonly kind: "refused"; readonly agent: string; readonly reason: "incarnation" | "unknown" };

export interface Fleet {
  readonly agents: Map<string, AgentRecord>;
  readonly times: FleetTimes;
}

const MISSED_BEFORE_SUSPECT = 3;

export function newFleet(times: FleetTimes): Fleet {
  return { agents: new Map(), times };
}

export function onHello(fleet: Fleet, hello: Hello, nowMs: number): FleetEffect[] {
  const known = fleet.agents.get(hello.agent);
  const isNewIncarnation = known === undefined || known.hello.incarnation !== hello.incarnation;
  const isBack = known !== undefined && known.state !== "up";
  const agent: AgentRecord = {
    name: hello.agent,
    hello,
    state: "up",
    mode: hello.mode,
    load1: known?.load1 ?? null,
    held: hello.held,
    lastHeardMs: nowMs,
  };
  fleet.agents.set(hello.agent, agent);
  return [{ kind: "joined", agent, isNewIncarnation: isNewIncarnation || isBack }];
}

export function onHeartbeat(fleet: Fleet, heartbeat: Heartbeat, nowMs: number): FleetEffect[] {
  const heard = hear(fleet, heartbeat, nowMs);
  if (heard.agent === undefined) return heard.effects;
  const { agent, effects } = heard;
  agent.load1 = heartbeat.load1;
  agent.held = heartbeat.held;
  if (agent.mode !== heartbeat.mode) {
    agent.mode = heartbeat.mode;
    effects.push({ kind: "modeChanged", agent }, { kind: "offerChanged", agent });
  }
  return effects;
}

export function onReport(
  fleet: Fleet,
  report: Report,
  nowMs: number,
): { isAccepted: boolean; effects: FleetEffect[] } {
  const { agent, effects } = hear(fleet, report, nowMs);
  return { isAccepted: agent !== undefined, effects };
}

export function onBye(fleet: Fleet, bye: Bye, nowMs: number): FleetEffect[] {
  const { agent, effects } = hear(fleet, bye, nowMs);
  if (agent === undefined) return effects.filter((effect) => effect.kind !== "askHello");
  agent.state = "left";
  agent.held = [];
  return [...effects, { kind: "left", agent, reason: bye.reason }];
}

/** Time has passed: who has been silent for too long? */
export function onTick(fleet: Fleet, nowMs: number): FleetEffect[] {
  const effects: FleetEffect[] = [];
  for (const agent of fleet.agents.values()) {
    if (agent.state !== "up" && agent.state !== "suspect") continue;
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
    mode: agent.state === "up" ? agent.mode : "held",
  };
}

function hear(
  fleet: Fleet,
  message: { readonly agent: string; readonly incarnation: string },
  nowMs: number,
): { agent: AgentRecord | undefined; effects: FleetEffect[] } {
  const agent = fleet.agents.get(message.agent);
  if (agent === undefined || agent.state === "lost" || agent.state === "left") {
    return {
      agent: undefined,
      effects: [
        { kind: "refused", agent: message.agent, reason: "unknown" },
        { kind: "askHello", agent: message.agent },
      ],
    };
  }
  if (agent.hello.incarnation !== message.incarnation) {
    return { agent: undefined, effects: [{ kind: "refused", agent: message.agent, reason: "incarnation" }] };
  }
  agent.lastHeardMs = nowMs;
  const effects: FleetEffect[] = [];
  if (agent.state === "suspect") {
    agent.state = "up";
    effects.push({ kind: "recovered", agent }, { kind: "offerChanged", agent });
  }
  return { agent, effects };
}
