/**
 * People who look after what is kept, where something is: they ask for collections, want runs of the past again that are
 * about to be given up, use the names of those that were, and make again what nothing refers to any more.
 */
import type { Cluster } from "./cluster.ts";
import type { Commands } from "./commands.ts";
import type { Court } from "./judges/court.ts";
import { drawSubmission, drawTemper, type Submission } from "./workload.ts";
import { HOUR_MS } from "./world.ts";

/** From the beginning on, in which collections go on. */
const BUSY_MS = 60_000;
/** Within this time after a run was given up its name is used again. */
const REUSED_MS = 8_000;
/** The first record of a retry waits for so long: longer than a collection takes from giving up to removing. */
const HELD_UP_MS = 7_000;

export class Housekeeping {
  readonly #cluster: Cluster;
  readonly #court: Court;
  readonly #commands: Commands;
  /** Those of the past that may be retried. */
  readonly #retriable: Submission[] = [];

  constructor(cluster: Cluster, court: Court, commands: Commands) {
    this.#cluster = cluster;
    this.#court = court;
    this.#commands = commands;
  }

  /** Spreads requests over the time in which things go wrong, and some of the time after it. */
  schedule(past: readonly Submission[]): void {
    const { chance, clock, hasPast } = this.#cluster.world;
    if (!hasPast) return;
    for (let left = chance.between(0, 2); left > 0; left--)
      clock.schedule(chance.between(0, BUSY_MS), () => this.#askToCollect(`asked-${left}`));
    for (const submission of past) {
      if (this.#court.journal.runs.get(submission.run)?.ended?.status !== "failed") continue;
      this.#retriable.push(submission);
      if (chance.happens(0.4)) clock.schedule(chance.between(0, BUSY_MS), () => this.#retry(submission));
    }
    this.#watch();
  }

  #askToCollect(collection: string): void {
    const { chance, coverage, isClosing } = this.#cluster.world;
    if (isClosing) return;
    const olderThanMs = chance.pick([0, HOUR_MS, 12 * HOUR_MS]);
    const ages = chance.happens(0.3) ? {} : { olderThanMs };
    const unreferenced = chance.happens(0.5) ? {} : { unreferencedForMs: HOUR_MS };
    const dryRun = chance.happens(0.2);
    coverage.count(dryRun ? "collection asked what would go" : "collection asked for");
    if (!dryRun && "olderThanMs" in ages) this.#court.collections.onAsked(olderThanMs);
    this.#commands.ask("gc", { collection, ...ages, ...unreferenced, dryRun });
  }

  /** A run is given up, an object is removed: the moments at which others still want them. */
  #watch(): void {
    const { chance, clock, shelf } = this.#cluster.world;
    this.#court.onNextRecord("removed", (run) => {
      clock.schedule(0, () => this.#watch());
      if (chance.happens(0.5)) this.#retryAll();
      if (chance.happens(0.5)) clock.schedule(chance.between(0, REUSED_MS), () => this.#reuse(run));
    });
    if (chance.happens(0.5)) shelf.bucket.onNextRemoval(() => this.#makeAgain());
  }

  /** At the last moment; perhaps the first record of it has to wait. */
  #retryAll(): void {
    const { chance, clock, coverage, journal, isAtPeace } = this.#cluster.world;
    for (const submission of this.#retriable.splice(0)) this.#retry(submission);
    if (isAtPeace || chance.happens(0.3)) return;
    clock.schedule(chance.between(2, 20), () => {
      coverage.count("retry held up while its run is collected");
      journal.isFull = true;
    });
    clock.schedule(chance.between(HELD_UP_MS, 2 * HELD_UP_MS), () => {
      journal.isFull = false;
    });
  }

  #retry(submission: Submission): void {
    const { chance, coverage, isClosing } = this.#cluster.world;
    if (isClosing) return;
    coverage.count("run of the past retried");
    this.#commands.retry(submission, `${submission.run}-${chance.between(1, 1_000)}`);
  }

  #reuse(run: string): void {
    const { chance, coverage, isClosing } = this.#cluster.world;
    if (isClosing) return;
    coverage.count("name of a run used again");
    const drawn = drawSubmission(chance, run, { ...drawTemper(chance), failures: 0 });
    this.#commands.reuse({ ...drawn, jobs: drawn.jobs.slice(0, 5) });
  }

  /** Somebody uploads what is being swept. */
  #makeAgain(): void {
    const { chance, clock, coverage, shelf, isClosing } = this.#cluster.world;
    if (isClosing) return;
    coverage.count("objects uploaded while they are swept");
    const objects = this.#commands.objects;
    for (const { name } of shelf.bucket.entriesBehind(0)) {
      const content = shelf.bucket.bytesOf(name);
      if (content === undefined || !name.includes("/") || chance.happens(0.5)) continue;
      clock.schedule(chance.between(0, 40), () => void objects.put(name, () => [content]));
    }
  }
}
