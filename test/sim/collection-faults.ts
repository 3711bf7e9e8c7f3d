/** Faults that strike while a collection goes on: between its steps, which have to be finished by the next one. */
import { crash, cut, type Fault, leaderOf, pause, type Scene, troubled } from "./fault-scene.ts";

/** From giving up to removing, and a little more. */
const REMOVING_MS = 7_000;
const SWEEPING_MS = 30;

/** The leader dies, stands still or is cut off when a run is given up, or when an object is removed. */
function collectorStruck(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance, clock } = world;
  const strike = chance.pick([crash, pause, cut]);
  const strikeWithin = (ms: number, what: string): void => {
    clock.schedule(chance.between(0, ms), () => {
      if (!world.isAtPeace) strike(scene, leaderOf(scene), `leader struck while it collects: ${what}`);
    });
  };
  if (chance.happens(0.6)) scene.court.onNextRecord("removed", () => strikeWithin(REMOVING_MS, "runs"));
  else world.shelf.bucket.onNextRemoval(() => strikeWithin(SWEEPING_MS, "objects"));
}

/** The store is away when a run is given up: what was to be read of it or removed waits. */
function awayWhileCollecting(scene: Scene): void {
  const { world } = scene.cluster;
  const { chance, clock, coverage, shelf } = world;
  scene.court.onNextRecord("removed", () => {
    clock.schedule(chance.between(0, REMOVING_MS), () => {
      if (world.isAtPeace) return;
      coverage.count("object store away while collecting");
      const over = troubled(scene);
      shelf.isDown = true;
      clock.schedule(chance.between(500, REMOVING_MS), () => {
        over();
        shelf.isDown = false;
      });
    });
  });
}

/** Every kind, by a name for the draw. */
export const collectionFaults: Readonly<Record<string, Fault>> = { collectorStruck, awayWhileCollecting };
