/** What faults have in common: whom they strike, how it is noted, and when it is over. */
import type { Cluster, ClusterNode } from "./cluster.ts";
import type { Commands } from "./commands.ts";
import type { CoordinatorNode } from "./coordinator-node.ts";
import type { Court } from "./judges/court.ts";

/** Carries one fault out; says how to end it, or nothing when it is over at once or could not happen. */
export type Fault = (scene: Scene) => void;

export interface Scene {
  readonly cluster: Cluster;
  readonly court: Court;
  readonly commands: Commands;
}

/** Runs the end of a fault after a while, but not when everything has been healed meanwhile. */
export function later({ cluster }: Scene, least: number, most: number, run: () => void): void {
  const { clock, chance } = cluster.world;
  clock.schedule(chance.between(least, most), run);
}

export function runningOf<N extends ClusterNode>(nodes: readonly N[], { cluster }: Scene): N | undefined {
  const running = nodes.filter(({ node }) => node?.process.state === "running");
  return running.length === 0 ? undefined : cluster.world.chance.pick(running);
}

/** The coordinator that leads, if it runs. */
export function leaderOf({ cluster }: Scene): CoordinatorNode | undefined {
  const leader = cluster.coordinators.find(({ name }) => name === cluster.world.leader);
  return leader?.node?.process.state === "running" ? leader : undefined;
}

export function note(scene: Scene, node: ClusterNode, what: string): void {
  scene.cluster.world.coverage.count(what);
  scene.cluster.world.trace.add(node.name, () => `FAULT ${what}`);
}

/** The agents that something was done to; all of them where it was done to the bus. One that is down stays in trouble. */
export function troubled(
  { court, cluster }: Scene,
  agents: readonly ClusterNode[] = cluster.agents,
): () => void {
  const troubles = agents
    .filter((node) => "host" in node)
    .map((node) => ({ node, end: court.troubles.begin(node.name) }));
  return () => {
    for (const { node, end } of troubles) node.whenUp(end);
  };
}

export function crash(scene: Scene, node: ClusterNode | undefined, what: string): void {
  if (node === undefined) return;
  note(scene, node, what);
  const over = troubled(scene, [node]);
  node.crash();
  later(scene, 10, 20_000, () => {
    over();
    scene.cluster.startNode(node);
  });
}

export function pause(scene: Scene, node: ClusterNode | undefined, what: string): void {
  const { process } = node?.node ?? {};
  if (node === undefined || process === undefined) return;
  note(scene, node, what);
  const over = troubled(scene, [node]);
  process.pause();
  const { chance } = scene.cluster.world;
  later(scene, 100, 45_000, () => {
    over();
    process.resume(chance.happens(0.5) ? "timer" : "arrival");
  });
}

export function cut(scene: Scene, node: ClusterNode | undefined, what: string): void {
  const living = node?.node;
  if (node === undefined || living === undefined) return;
  note(scene, node, what);
  const over = troubled(scene, [node]);
  living.disconnect();
  later(scene, 50, 40_000, () => {
    over();
    if (!scene.cluster.isOut) living.reconnect();
  });
}
