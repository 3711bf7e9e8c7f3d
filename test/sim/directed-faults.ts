/**
 * Faults that strike at a moment: at the record whose consequences are still to come, in the words of a leader that has
 * just been followed, between a message and its repeat. By chance alone such moments are met too seldom to tell whether
 * the decisions that are for them are right.
 */
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { PROTOCOL_VERSION, type ReportItem } from "../../shared/model/messages.ts";
import type { CoordinatorNode } from "./coordinator-node.ts";
import {
  crash,
  cut,
  type Fault,
  later,
  note,
  pause,
  runningOf,
  type Scene,
  troubled,
} from "./fault-scene.ts";
import type { AttemptTruth } from "./simulated-host.ts";
import { ENDLESS } from "./workload.ts";
import { CALM_HASTE } from "./world.ts";

const HIT_AFTER_MS = 6;

function leaderOf({ cluster }: Scene): CoordinatorNode | undefined {
  const leader = cluster.coordinators.find(({ name }) => name === cluster.world.leader);
  return leader?.node?.process.state === "running" ? leader : undefined;
}

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

/** What is said on a subject comes late, or once more. */
function slowMail(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const agent = chance.pick(scene.cluster.agents);
  const orders = subjects.toAgent(agent.name);
  const ofAgent = orders.replace("._.to.", "._.from.").replace(/orders$/, "");
  const isOrders = chance.happens(0.6);
  const mostMs = chance.pick([300, 3_000, 12_000]);
  const over = troubled(scene, isOrders ? [] : [agent]);
  const end = mail.begin({
    takes: (_, subject) =>
      (isOrders ? subject === orders : subject.startsWith(ofAgent)) && chance.happens(0.7),
    isRepeat: chance.happens(0.6),
    leastMs: 0,
    mostMs,
  });
  later(scene, 500, 15_000, () => {
    end();
    later(scene, mostMs, mostMs, over);
  });
}

/** The last orders of a leader come when its successor has spoken already. */
function lastWords(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const leader = leaderOf(scene);
  if (leader === undefined) return;
  const orders = new Set(scene.cluster.agents.map(({ name }) => subjects.toAgent(name)));
  const end = mail.begin({
    takes: (node, subject) => node === leader.name && orders.has(subject),
    isRepeat: chance.happens(0.3),
    leastMs: 0,
    mostMs: chance.pick([5, 100, 2_000]),
    waitsForSuccessor: true,
  });
  later(scene, 20, 1_500, () => {
    if (!scene.cluster.world.isAtPeace) {
      chance.pick([crash, pause])(scene, leaderOf(scene), "leader struck before its orders came");
    }
    later(scene, 100, 3_000, end);
  });
}

/** What an agent says at its end comes when the next one has begun. */
function lastReports(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const agent = runningOf(scene.cluster.agents, scene);
  if (agent === undefined) return;
  const isRestarted = chance.happens(0.7);
  const kinds = (["bye", "heartbeat", "report"] as const).map((kind) => subjects.fromAgent(agent.name, kind));
  const over = troubled(scene, [agent]);
  const end = mail.begin({
    takes: (_, subject) => kinds.includes(subject),
    isRepeat: chance.happens(0.5),
    leastMs: 1_000,
    mostMs: 15_000,
  });
  note(scene, agent, "agent's last words late");
  if (isRestarted) agent.stop(chance.pick(["drain", "now", "leave"] as const));
  later(scene, 300, 3_000, () => {
    end();
    over();
    scene.cluster.startNode(agent);
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

function isEndless({ request }: AttemptTruth): boolean {
  return request.spec.name === ENDLESS;
}

/** An agent with jobs is away for longer than anybody waits for it, and comes back with them. */
function longAway(scene: Scene): void {
  const { chance } = scene.cluster.world;
  const working = scene.cluster.agents.filter(
    ({ node, host }) => node !== undefined && host.running.length > 0,
  );
  if (working.length === 0) return;
  const agent = working.find(({ host }) => host.running.some(isEndless)) ?? chance.pick(working);
  const { node } = agent;
  note(scene, agent, "agent with jobs away for long");
  const over = troubled(scene, [agent]);
  node?.disconnect();
  later(scene, 16_000, 30_000, () => {
    over();
    if (!scene.cluster.isOut) node?.reconnect();
  });
}

/** Turns of actors between a result and the start of what waited for it. */
const HASTY_TURNS = 6;

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
  if (chance.happens(0.5)) world.haste = { likelihood: 0.3, withinMs: HASTY_TURNS * process.lagMs };
  later(scene, 500, 15_000, () => {
    process.lagMs = 0;
    world.haste = CALM_HASTE;
  });
}

function slowStreams(scene: Scene): void {
  const { world } = scene.cluster;
  const usualMs = world.streamMs;
  world.coverage.count("streams slow");
  world.streamMs = world.chance.pick([30, 300, 1_500]);
  world.trace.add("streams", () => `FAULT slow: ${world.streamMs} ms`);
  later(scene, 500, 8_000, () => {
    world.streamMs = usualMs;
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
  shelf.spoil(digest, problem);
}

/** Every kind, by a name for the draw. */
export const directedFaults: Readonly<Record<string, Fault>> = {
  ambush,
  slowMail,
  lastWords,
  lastReports,
  forgery,
  longAway,
  busy,
  slowStreams,
  diskFull,
  spoilArtifact,
};
