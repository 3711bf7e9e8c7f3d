/** The simulated cluster: coordinators and agents, and what can be done to them. */
import type { Capacity } from "../../shared/model/messages.ts";
import { AgentNode } from "./agent-node.ts";
import { CoordinatorNode } from "./coordinator-node.ts";
import { SOUND_MEMORY } from "./result-memory.ts";
import { type HostWatcher, SimulatedHost } from "./simulated-host.ts";
import { LEAST_CPU } from "./workload.ts";
import { CALM, CALM_HASTE, type SimulatedNode, STREAM_MS, type World } from "./world.ts";

export type ClusterNode = CoordinatorNode | AgentNode;

const GIBIBYTE = 2 ** 30;

export class Cluster {
  readonly world: World;
  readonly coordinators: readonly CoordinatorNode[];
  readonly agents: readonly AgentNode[];
  /** The bus is away for everybody. */
  isOut = false;

  constructor(world: World, watcher: HostWatcher) {
    this.world = world;
    const { chance } = world;
    const names = Array.from({ length: chance.pick([1, 2, 2, 3, 4]) }, (_, index) => `agent-${index + 1}`);
    this.agents = names.map(
      (name) => new AgentNode(world, new SimulatedHost(name, drawCapacity(world), world, watcher)),
    );
    this.coordinators = Array.from(
      { length: chance.pick([1, 1, 2, 2, 3]) },
      (_, index) => new CoordinatorNode(world, `coordinator-${index + 1}`),
    );
  }

  get nodes(): readonly ClusterNode[] {
    return [...this.coordinators, ...this.agents];
  }

  get livingAgents(): readonly AgentNode[] {
    return this.agents.filter(({ isGone }) => !isGone);
  }

  start(): void {
    for (const node of this.nodes) this.startNode(node);
  }

  startNode(node: ClusterNode): void {
    if (node.node !== undefined) return;
    node.start();
    if (this.isOut) nodeOf(node)?.disconnect();
  }

  /** The bus is away: what is published meanwhile is lost. */
  beginOutage(): void {
    this.isOut = true;
    for (const node of this.livingNodes()) node.disconnect();
  }

  endOutage(): void {
    this.isOut = false;
    for (const node of this.livingNodes()) node.reconnect();
  }

  /** Everything that was done to the cluster is undone, and everybody runs. */
  heal(): void {
    const { network, journal, events, shelf, mail } = this.world;
    network.faults = CALM;
    mail.heal();
    this.world.streamMs = STREAM_MS;
    this.world.haste = CALM_HASTE;
    network.heal();
    journal.isFull = false;
    events.isFull = false;
    shelf.isDown = false;
    this.world.memoryTrouble = SOUND_MEMORY;
    this.isOut = false;
    this.world.beginPeace();
    for (const { host } of this.agents) host.recover();
    for (const { codec } of this.coordinators) codec?.mend();
    for (const node of this.nodes) {
      node.start();
      if (node.node !== undefined) node.node.process.lagMs = 0;
      node.node?.process.resume("timer");
      node.node?.reconnect();
    }
  }

  private livingNodes(): SimulatedNode[] {
    return this.nodes.flatMap(({ node }) => (node === undefined ? [] : [node]));
  }
}

function nodeOf({ node }: ClusterNode): SimulatedNode | undefined {
  return node;
}

function drawCapacity({ chance }: World): Capacity {
  const slots = chance.pick([1, 1, 2, 2, 4]);
  return { slots, cpu: Math.max(LEAST_CPU, slots), memoryBytes: 8 * GIBIBYTE };
}
