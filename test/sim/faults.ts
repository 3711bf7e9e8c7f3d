/**
 * What goes wrong in a simulation: each kind of fault as what it does to the cluster, begun at a random moment and, where
 * it lasts, ended after a random time. Which kinds a seed has, and how often, is drawn, so that some seeds have one
 * kind only and what it breaks is not blamed on another.
 */
import type { AgentNode } from "./agent-node.ts";
import { collectionFaults } from "./collection-faults.ts";
import type { CoordinatorNode } from "./coordinator-node.ts";
import { directedFaults } from "./directed-faults.ts";
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
import { mailFaults } from "./mail-faults.ts";
import { snapshotFaults } from "./snapshot-faults.ts";
import { LASTING_AGENT } from "./workload.ts";
import { CALM } from "./world.ts";

/** As for an upgrade: it hands over in order. */
function stopCoordinator(scene: Scene, coordinator: CoordinatorNode | undefined): void {
  if (coordinator === undefined) return;
  note(scene, coordinator, "coordinator stopped");
  coordinator.stop();
  later(scene, 1_000, 10_000, () => scene.cluster.startNode(coordinator));
}

function stopAgent(scene: Scene, agent: AgentNode | undefined): void {
  if (agent === undefined) return;
  const mode = scene.cluster.world.chance.pick(["drain", "now", "leave"] as const);
  note(scene, agent, `agent stopped: ${mode}`);
  const over = troubled(scene, [agent]);
  agent.stop(mode);
  later(scene, 3_000, 25_000, () => {
    over();
    scene.cluster.startNode(agent);
  });
}

/** Some nodes reach nobody, and don't notice. */
function isolate(scene: Scene): void {
  const { cluster } = scene;
  const { network, chance, coverage, trace } = cluster.world;
  const away = cluster.nodes.filter(() => chance.happens(0.4));
  if (away.length === 0) return;
  coverage.count("nodes cut off in silence");
  trace.add("bus", () => `FAULT cut off in silence: ${away.map(({ name }) => name).join(", ")}`);
  const over = troubled(scene, away);
  network.isolate(away.map(({ name }) => name));
  const cutOff = away.flatMap(({ node }) => node?.connections ?? []);
  for (const connection of cutOff) connection.cut();
  later(scene, 100, 25_000, () => {
    over();
    network.heal();
    if (!cluster.isOut) for (const connection of cutOff) connection.mend();
  });
}

function outage(scene: Scene): void {
  const { cluster } = scene;
  if (cluster.isOut) return;
  cluster.world.coverage.count("bus outage");
  cluster.world.trace.add("bus", () => "FAULT outage");
  const over = troubled(scene);
  cluster.beginOutage();
  later(scene, 100, 30_000, () => {
    over();
    cluster.endOutage();
    cluster.world.trace.add("bus", () => "the outage is over");
  });
}

function reboot(scene: Scene, agent: AgentNode | undefined): void {
  if (agent === undefined) return;
  note(scene, agent, "host restarted");
  const over = troubled(scene, [agent]);
  agent.reboot(scene.cluster.world.chance.happens(0.5));
  later(scene, 1_000, 40_000, () => {
    over();
    scene.cluster.startNode(agent);
  });
}

/** A machine is gone for good; the lasting one stays. */
function burn(scene: Scene): void {
  const { livingAgents, world } = scene.cluster;
  const others = livingAgents.filter(({ name }) => name !== LASTING_AGENT);
  if (others.length === 0) return;
  const agent = world.chance.pick(others);
  note(scene, agent, "host gone for good");
  troubled(scene, [agent]);
  agent.burn();
}

function storeAway(scene: Scene): void {
  const { shelf, coverage, trace } = scene.cluster.world;
  coverage.count("object store away");
  trace.add("store", () => "FAULT away");
  const over = troubled(scene);
  shelf.isDown = true;
  later(scene, 50, 5_000, () => {
    over();
    shelf.isDown = false;
  });
}

function streamFull(scene: Scene): void {
  const { journal, events, chance, coverage, trace } = scene.cluster.world;
  coverage.count("stream full");
  trace.add("streams", () => "FAULT full");
  const stream = chance.pick([journal, events]);
  stream.isFull = true;
  later(scene, 500, 20_000, () => {
    stream.isFull = false;
  });
}

function streamAnswers(scene: Scene): void {
  const { chance, coverage, trace } = scene.cluster.world;
  const connections = scene.cluster.coordinators.flatMap(({ node }) => node?.connections ?? []);
  if (connections.length === 0) return;
  const connection = chance.pick(connections);
  const times = chance.between(1, 3);
  if (chance.happens(0.5)) {
    coverage.count("acknowledgement lost", times);
    trace.add("streams", () => `FAULT ${times} acknowledgements will be lost`);
    connection.loseAcknowledgements(times);
  } else {
    coverage.count("append sent twice", times);
    trace.add("streams", () => `FAULT ${times} appends will be sent twice`);
    connection.doublePublishes(times);
  }
}

function streamRestart(scene: Scene): void {
  const { journal, events, coverage, trace } = scene.cluster.world;
  coverage.count("streams restarted");
  trace.add("streams", () => "FAULT restarted");
  const connections = scene.cluster.coordinators.flatMap(({ node }) => node?.connections ?? []);
  for (const connection of connections) connection.cut();
  if (scene.cluster.world.chance.happens(0.5)) {
    journal.forgetMessageIds();
    events.forgetMessageIds();
  }
  later(scene, 50, 3_000, () => {
    if (!scene.cluster.isOut) for (const connection of connections) connection.mend();
  });
}

function network(scene: Scene): void {
  const { chance, coverage, network, trace } = scene.cluster.world;
  coverage.count("network disturbed");
  const maxDelayMs = chance.pick([5, 50, 500]);
  const some = (most: number): number => (chance.happens(0.5) ? chance.between(0, most) / 100 : 0);
  network.faults = { minDelayMs: 1, maxDelayMs, lose: some(10), double: some(20), reorder: some(20) };
  trace.add("bus", () => `FAULT ${JSON.stringify(network.faults)}`);
  later(scene, 1_000, 30_000, () => {
    network.faults = CALM;
  });
}

function slowDisk(scene: Scene): void {
  const { world, agents } = scene.cluster;
  const { host } = world.chance.pick(agents);
  world.coverage.count("slow disk");
  world.trace.add(host.name, () => "FAULT slow disk");
  host.slowness = world.chance.pick([10, 50]);
  later(scene, 1_000, 20_000, () => {
    host.slowness = 1;
  });
}

function clockStep(scene: Scene): void {
  const node = runningOf(scene.cluster.nodes, scene);
  if (node?.node === undefined) return;
  note(scene, node, "clock stepped");
  const { process } = node.node;
  process.skewMs += scene.cluster.world.chance.between(-3_600_000, 3_600_000);
  scene.cluster.world.noteSkew(process.skewMs);
}

/** Every kind, by a name for the draw. */
const kinds: Readonly<Record<string, Fault>> = {
  coordinatorCrash: (scene) =>
    crash(scene, runningOf(scene.cluster.coordinators, scene), "coordinator killed"),
  coordinatorStop: (scene) => stopCoordinator(scene, runningOf(scene.cluster.coordinators, scene)),
  coordinatorPause: (scene) =>
    pause(scene, runningOf(scene.cluster.coordinators, scene), "coordinator paused"),
  agentCrash: (scene) => crash(scene, runningOf(scene.cluster.agents, scene), "agent killed"),
  agentPause: (scene) => pause(scene, runningOf(scene.cluster.agents, scene), "agent paused"),
  agentStop: (scene) => stopAgent(scene, runningOf(scene.cluster.agents, scene)),
  reboot: (scene) => reboot(scene, runningOf(scene.cluster.agents, scene)),
  burn,
  cut: (scene) => cut(scene, runningOf(scene.cluster.nodes, scene), "node cut off the bus"),
  isolate,
  outage,
  storeAway,
  streamFull,
  streamAnswers,
  streamRestart,
  network,
  slowDisk,
  clockStep,
  ...directedFaults,
  ...mailFaults,
  ...snapshotFaults,
  ...collectionFaults,
};

const PHASE_MS = 40_000;
/** By then collections are under way. */
const COLLECTING_MS = 20_000;

/** Spreads faults of some kinds over the time in which things go wrong; returns how long that is. */
export function scheduleFaults(scene: Scene): number {
  const { clock, chance, hasPast } = scene.cluster.world;
  const names = Object.keys(kinds);
  const isCalm = chance.happens(0.05);
  const chosen = names.filter(() => chance.happens(chance.pick([0.15, 0.5])));
  const count = isCalm || chosen.length === 0 ? 0 : chance.pick([2, 4, 8, 16]);
  const lastMs = chance.between(hasPast ? COLLECTING_MS : 1_000, PHASE_MS);
  for (let index = 0; index < count; index++) {
    const fault = kinds[chance.pick(chosen)] as Fault;
    clock.schedule(chance.between(0, lastMs), () => fault(scene));
  }
  // What is met too seldom by the draw alone.
  if (hasPast && count > 0 && chance.happens(0.4)) collectionFaults.collectorStruck?.(scene);
  if (count > 0 && chance.happens(0.15))
    clock.schedule(chance.between(0, lastMs), () => snapshotFaults.struckAtSnapshot?.(scene));
  return lastMs;
}
