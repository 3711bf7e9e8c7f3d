/**
 * Faults that strike at a moment: at the record whose consequences are still to come, in the words of a leader that has
 * just been followed, between a message and its repeat. By chance alone such moments are met too seldom to tell whether
 * the decisions that are for them are right.
 */

import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { PROTOCOL_VERSION, type ReportItem } from "../../shared/model/messages.ts";
import {
  crash,
  cut,
  type Fault,
  later,
  leaderOf,
  note,
  pause,
  runningOf,
  type Scene,
  troubled,
} from "./fault-scene.ts";
import { CALM_HASTE, HASTY_TURNS, STREAM_MS } from "./world.ts";

const HIT_AFTER_MS = 6;
/** In such times a new leader takes runs over, as fast as the streams are. */
const CLAIMING_MS = [8, 60, 300];

/** The leader dies, stands still or is cut off at the very moment when a record of some type is stored. */
function ambush(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance } = world;
  const type = chance.pick([
    "assigned",
    "assigned",
    "finished",
    "cancelRequested",
    "ended",
    "ended",
  ] as const);
  const strike = chance.pick([crash, crash, pause, cut]);
  scene.court.onNextRecord(type, () => {
    world.clock.schedule(chance.between(0, HIT_AFTER_MS), () => {
      if (!world.isAtPeace) strike(scene, leaderOf(scene), `leader struck at a record: ${type}`);
    });
  });
}

const FORGED_EXIT = 99;

/** Somebody reports on an attempt that he does not have: each part of its name is wrong once. */
function forgery(scene: Scene): void {
  const { cluster, court } = scene;
  const { chance, coverage, network, subjects, trace } = cluster.world;
  const live = [...court.journal.runs.values()].flatMap(({ run, jobs }) =>
    jobs.flatMap(({ index, leases }) => {
      const last = leases.at(-1);
      return last === undefined || last.isOver ? [] : [{ run, index, ...last }];
    }),
  );
  if (live.length === 0) return;
  const { run, index: job, attempt, lease, agent: holder } = chance.pick(live);
  const wrong = chance.pick(["attempt", "lease", "agent", "incarnation"] as const);
  const others = cluster.agents.filter(({ name }) => name !== holder);
  if (wrong === "agent" && others.length === 0) return;
  const agent = wrong === "agent" ? chance.pick(others).name : holder;
  const known = court.messages.incarnations.get(agent);
  if (known === undefined) return;
  const item: ReportItem = {
    kind: "finished",
    run,
    job,
    attempt: wrong === "attempt" ? attempt + 1 : attempt,
    lease: wrong === "lease" ? `${lease}x` : lease,
    result: {
      outcome: { kind: "failed", reason: "exit", exitCode: FORGED_EXIT },
      ...{ wallMs: 1, cpuMs: null, peakMemoryBytes: null, artifact: null, logBytes: 0 },
    },
  };
  const incarnation = wrong === "incarnation" ? `${known}x` : known;
  const sender = { v: PROTOCOL_VERSION, agent, incarnation, epoch: 0, ordersSeen: 0 };
  coverage.count(`report with a wrong ${wrong}`);
  trace.add("forger", () => `FAULT reports ${run}/${job}/${item.attempt} as ${agent}, wrong ${wrong}`);
  const forger = network.connect("forger");
  forger.publish(
    subjects.fromAgent(agent, "report"),
    new MessageCodec().encode({ ...sender, items: [item] }),
  );
  later(scene, 1_000, 1_000, () => void forger.close());
}

/** Whoever has just begun to lead dies, stands still or is cut off: somebody else does, and it comes back. */
function ambushLeader(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance, clock } = world;
  const strike = chance.pick([crash, pause, pause, cut]);
  world.onNextLeader(() => {
    clock.schedule(chance.between(0, chance.pick(CLAIMING_MS)), () => {
      if (!world.isAtPeace) strike(scene, leaderOf(scene), "leader struck at its first word");
    });
  });
  if (chance.happens(0.5)) slowStreams(scene);
  if (chance.happens(0.7)) crash(scene, leaderOf(scene), "coordinator killed");
}

/** Code of the leader throws where it has never done so: the actor that ran it is started again. */
function actorFails(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance } = world;
  const leader = leaderOf(scene);
  if (leader?.codec === undefined) return;
  const kind = chance.pick(["records", "assignments", "orders"] as const);
  note(scene, leader, `actor failed: ${kind}`);
  world.hasDefects = true;
  leader.codec.failNext(kind, chance.pick([1, 1, 2, 5]));
}

/** Jobs take so long that their agent is back, and nothing goes wrong any more, before they end. */
const STALLED_MS = 55_000;

/** An agent with jobs is away for longer than anybody waits for it, and comes back with them. */
function longAway(scene: Scene): void {
  const { world, agents } = scene.cluster;
  const { chance } = world;
  const working = agents.filter(({ node, host }) => node !== undefined && host.running.length > 0);
  if (working.length === 0) return later(scene, 500, 5_000, () => world.isAtPeace || longAway(scene));
  const agent = chance.pick(working);
  const { host, node } = agent;
  note(scene, agent, "agent with jobs away for long");
  const over = troubled(scene, [agent]);
  host.stall(STALLED_MS);
  node?.disconnect();
  later(scene, 16_000, 30_000, () => {
    over();
    if (!scene.cluster.isOut) node?.reconnect();
  });
}

/** A process has much to do: between any two of its turns others come. */
function busy(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance } = world;
  const node = chance.happens(0.7) ? leaderOf(scene) : runningOf(scene.cluster.nodes, scene);
  const process = node?.node?.process;
  if (node === undefined || process === undefined) return;
  note(scene, node, "process busy");
  process.lagMs = chance.pick([2, 10, 50]);
  // People lose patience: what is under way in it meets their commands.
  if (chance.happens(0.5))
    world.haste = { likelihood: 0.3, withinMs: HASTY_TURNS * process.lagMs, isWide: chance.happens(0.3) };
  later(scene, 500, 15_000, () => {
    process.lagMs = world.isAtPeace ? 0 : world.usualLagMs;
    world.haste = CALM_HASTE;
  });
}

const TAKEOVERS = 3;
const TAKEOVER_MS = 6_000;

/** One leader after the other dies while the streams are slow: each takes the runs over one by one. */
function takeovers(scene: Scene, left = TAKEOVERS): void {
  const { world } = scene.cluster;
  if (world.isAtPeace) return;
  world.streamMs = world.chance.pick([100, 400, 1_500]);
  crash(scene, leaderOf(scene), "coordinator killed");
  later(scene, TAKEOVER_MS, 2 * TAKEOVER_MS, () => {
    world.streamMs = STREAM_MS;
    if (left > 1) takeovers(scene, left - 1);
  });
}

function slowStreams(scene: Scene): void {
  const { world } = scene.cluster;
  world.coverage.count("streams slow");
  world.streamMs = world.chance.pick([30, 300, 1_500]);
  world.trace.add("streams", () => `FAULT slow: ${world.streamMs} ms`);
  later(scene, 500, 8_000, () => {
    world.streamMs = STREAM_MS;
  });
}

function diskFull(scene: Scene): void {
  const { world, livingAgents } = scene.cluster;
  if (livingAgents.length === 0) return;
  const agent = world.chance.pick(livingAgents);
  note(scene, agent, "disk full");
  const over = troubled(scene, [agent]);
  agent.host.isFull = true;
  later(scene, 300, 12_000, () => {
    over();
    agent.host.isFull = false;
  });
}

function spoilArtifact(scene: Scene): void {
  const { shelf, chance, coverage, trace } = scene.cluster.world;
  if (shelf.digests.length === 0) return;
  const digest = chance.pick(shelf.digests);
  const problem = chance.pick(["corrupt", "notFound"] as const);
  coverage.count(problem === "corrupt" ? "artifact damaged" : "artifact gone");
  trace.add("store", () => `FAULT ${digest} is ${problem}`);
  shelf.spoil(digest, problem, scene.cluster.world.clock.monotonicMs());
}

/** Every kind, by a name for the draw. */
export const directedFaults: Readonly<Record<string, Fault>> = {
  ambush,
  ambushLeader,
  actorFails,
  forgery,
  longAway,
  takeovers,
  busy,
  slowStreams,
  diskFull,
  spoilArtifact,
};
