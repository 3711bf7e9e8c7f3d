/**
 * A power cut: the server comes back without the last records of its streams, which it had acknowledged; coordinators in
 * the same rack die with it. It happens in few seeds, drawn from a source of its own, so that all others go their way.
 *
 * What was promised of the lost records can't be kept. What still holds is judged: the journal goes on from where it
 * stands by its own rules, events are numbered, every run ends, and nothing stays behind. People look what became of
 * what they asked for, and ask again.
 */
import { seededRandomness } from "../../shared/actor/randomness.ts";
import { Chance } from "./chance.ts";
import type { Cluster } from "./cluster.ts";
import type { Commands } from "./commands.ts";
import { troubled } from "./fault-scene.ts";
import type { Court } from "./judges/court.ts";

/**
 * Promises that a power cut breaks no more than anything else. That epochs rise is not among them: sequences are given
 * again, so an append of before may find the one that it expects; who reads the journal leaves it out. What was ordered
 * by a lease that is lost may begin before its agent hears that it is.
 */
export const keptInPowerCuts: ReadonlySet<string> = new Set([
  ...["everyRunEnds", "nothingLeft", "straysEnd", "eventsNumbered", "claimFirst"],
  ...["oneLease", "needsFirst", "attemptsCount", "retries", "held", "endIsFinal", "rightStatus"],
  ...["noDefect", "actorFailed"],
]);

const POWER_SEED = 2 ** 34;
const LIKELIHOOD = 0.05;
/** Records that had not reached the disk. */
const MOST_LOST = 30;

/** Perhaps cuts the power once, while things go wrong. */
export function schedulePowerCut(
  scene: { readonly cluster: Cluster; readonly court: Court; readonly commands: Commands },
  seed: number,
  lastMs: number,
): void {
  const { cluster, court, commands } = scene;
  const { clock, coverage, trace } = cluster.world;
  const chance = new Chance(seededRandomness(seed + POWER_SEED));
  if (!chance.happens(LIKELIHOOD)) return;
  clock.schedule(chance.between(0, lastMs), () => {
    if (cluster.isOut) return;
    coverage.count("power cut");
    trace.add("bus", () => "FAULT power cut");
    cluster.beginOutage();
    const dead = cluster.coordinators.filter(() => chance.happens(0.5));
    for (const coordinator of dead) coordinator.crash();
    const over = troubled(scene);
    clock.schedule(chance.between(500, 20_000), () => {
      over();
      // What was healed meanwhile has its power.
      if (!cluster.isOut) return;
      loseLast(cluster, chance);
      court.rewind();
      cluster.endOutage();
      for (const coordinator of dead) cluster.startNode(coordinator);
      commands.sayAgain();
    });
  });
}

function loseLast({ world }: Cluster, chance: Chance): void {
  const { journal, events, subjects, coverage, trace } = world;
  const submitted = new Map<string, number>();
  for (const { subject, seq } of journal.recordsBehind(subjects.journalAll(), 0)) {
    if (!submitted.has(subject)) submitted.set(subject, seq);
  }
  // A run that is lost as a whole is asked for again by its submitter: that is another story.
  const first = Math.max(0, ...submitted.values());
  const lost = (): number => chance.pick([0, chance.between(0, 5), chance.between(0, MOST_LOST)]);
  const keptEntries = Math.max(first, journal.lastSeq - lost());
  const keptEvents = Math.max(0, events.lastSeq - lost());
  coverage.count("entries lost", journal.lastSeq - keptEntries);
  trace.add("streams", () => `lost entries behind ${keptEntries}, events behind ${keptEvents}`);
  world.hasLostPower = true;
  journal.losePower(keptEntries);
  events.losePower(keptEvents);
}
