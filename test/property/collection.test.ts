import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Storekeeper } from "../../coordinator/actors/storekeeper.ts";
import { ReferenceFilter } from "../../coordinator/core/reference-filter.ts";
import { collect, newProgress, type Slice } from "../../coordinator/storage/collection.ts";
import { RunReferences } from "../../coordinator/storage/run-references.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { MemoryCollectionStores } from "../support/memory-collection.ts";
import { recordedRun } from "../support/recorded-run.ts";

const HOUR_MS = 3600_000;
const AGE_MS = 24 * HOUR_MS;
/** Name of a retry before it is stored. */
const RETRY = "retry";
const codec = new MessageCodec();

/** One coordinator: what it knows, and its collection, which goes on though it may be deposed. */
interface Leader {
  readonly epoch: number;
  readonly known: Set<string>;
  readonly references: RunReferences;
  /** Refuses ids of runs that were given up. */
  readonly storekeeper: Storekeeper;
  slices: AsyncGenerator<Slice> | undefined;
  /** A retry whose old run is read, and whose first record is not stored. */
  retry: { readonly of: string; readonly digest: string } | undefined;
}

/** Runs by name with the artifact of each, uploads that are under way, and one leader after the other. */
class World {
  readonly stores = new MemoryCollectionStores(codec);
  readonly leaders: Leader[] = [];
  readonly artifacts = new Map<string, string>();
  readonly #uploads: { readonly digest: string; readonly at: number }[] = [];
  #names = 0;

  constructor() {
    this.lead();
  }

  get leader(): Leader {
    return this.leaders.at(-1) as Leader;
  }

  /** The next coordinator claims the epoch and reads the journal. */
  lead(): void {
    this.stores.epoch = this.leaders.length + 1;
    this.leaders.push({
      epoch: this.stores.epoch,
      known: new Set(this.stores.knownRuns()),
      references: new RunReferences(this.stores),
      storekeeper: new Storekeeper({}, new Set(this.stores.removedRuns())),
      slices: undefined,
      retry: undefined,
    });
  }

  upload(choice: number): void {
    const digest = String(choice % 6).repeat(64);
    this.stores.upload(`artifact/${digest}`);
    this.#uploads.push({ digest, at: this.stores.nowMs });
  }

  /** A run that ends with something that was uploaded not too long ago. */
  async run(): Promise<void> {
    const upload = this.#uploads.shift();
    if (upload === undefined || this.stores.nowMs - upload.at > AGE_MS - HOUR_MS) return;
    await this.#store(upload.digest);
  }

  beginRetry(choice: number): void {
    const known = [...this.leader.known];
    const of = known[choice % Math.max(1, known.length)];
    const digest = of === undefined ? undefined : this.artifacts.get(of);
    const { leader } = this;
    if (of === undefined || digest === undefined || leader.retry !== undefined) return;
    leader.retry = { of, digest };
    leader.storekeeper.onRetryBegun(RETRY, of);
  }

  async endRetry(): Promise<void> {
    const { retry } = this.leader;
    this.leader.retry = undefined;
    if (retry !== undefined) await this.#store(retry.digest);
    this.leader.storekeeper.onSubmitted(RETRY);
  }

  /** Begins a collection of a leader of now or before, or carries its next slice out. */
  async collect(choice: number): Promise<void> {
    const leader = this.leaders[choice % this.leaders.length] as Leader;
    leader.slices ??= this.#collection(leader);
    try {
      const { done } = await leader.slices.next();
      if (done) leader.slices = undefined;
    } catch (error) {
      expect(error).toMatchObject({ code: "deposed" });
      leader.slices = undefined;
    }
  }

  /** The leader knows of all that was not given up, and nothing that it knows of may lack anything. */
  check(): void {
    expect([...this.leader.known]).toEqual(expect.arrayContaining(this.stores.knownRuns()));
    for (const run of this.leader.known) {
      expect(this.stores.isInJournal(run), `journal of ${run}`).toBe(true);
      expect(this.stores.has(`artifact/${this.artifacts.get(run)}`), `artifact of ${run}`).toBe(true);
      expect(
        this.stores.logLines.some((line) => line.run === run),
        `log of ${run}`,
      ).toBe(true);
    }
  }

  async #store(digest: string): Promise<void> {
    this.#names += 1;
    // Names come again: a run that was removed may be submitted once more.
    const run = `r${this.#names % 4}`;
    const { epoch, storekeeper } = this.leader;
    if (storekeeper.refusal(run) !== undefined || this.stores.isInJournal(run)) return;
    const endedAt = this.stores.nowMs;
    const payload = codec.encode(recordedRun({ endedAt, artifact: digest }));
    await this.stores.append({ run, epoch, batch: run, expectedSeq: 0, payload });
    this.stores.log(run);
    this.artifacts.set(run, digest);
    this.leader.known.add(run);
  }

  #collection(leader: Leader): AsyncGenerator<Slice> {
    const policy = { keepRunsForMs: 12 * HOUR_MS, keepRuns: Number.POSITIVE_INFINITY };
    return collect(
      { policy, unreferencedForMs: AGE_MS, isDryRun: false },
      {
        epoch: leader.epoch,
        stores: this.stores,
        references: leader.references,
        codec,
        progress: newProgress(),
        now: () => this.stores.nowMs,
        newId: () => `batch-${leader.epoch}`,
        newFilter: () => new ReferenceFilter(0.5, 4096),
        onCondemned: (runs) => {
          for (const run of runs) leader.known.delete(run);
          leader.storekeeper.take({ kind: "runsCondemned", runs });
        },
        isRetried: (run) => leader.storekeeper.isRetried(run),
        onAllRemoved: () => leader.storekeeper.take({ kind: "allRemoved" }),
      },
    );
  }
}

/** A server is away for so long that a retried run expires and is collected before the retry is stored. */
const retriedMeanwhile: Step[] = [
  ["upload", 0],
  ["run", 0],
  ["wait", 4],
  ["wait", 1],
  ["beginRetry", 0],
  ...times(3, ["collect", 0]),
  ["wait", 4],
  ...times(4, ["collect", 0]),
  ["endRetry", 0],
  ...times(8, ["collect", 0]),
];

/** What is done, and a choice of whatever there is to choose. */
type Step = readonly [keyof typeof weights, number];

const weights = { collect: 8, upload: 3, run: 3, beginRetry: 1, endRetry: 1, lead: 1, wait: 3 };

function anySteps(maxLength: number): fc.Arbitrary<Step[]> {
  const kinds = Object.keys(weights) as (keyof typeof weights)[];
  const kind = fc.oneof(...kinds.map((each) => ({ weight: weights[each], arbitrary: fc.constant(each) })));
  return fc.array(fc.tuple(kind, fc.nat(9)), { maxLength, size: "max" });
}

/**
 * Two runs are removed by a deposed leader, the second one only when the next leader is about to remove it: its id is
 * used again between that one's condemning and removing, if that is not refused.
 */
const removedByAnother: Step[] = [
  ...times(2, ["upload", 0], ["run", 0]),
  ["wait", 5],
  ...times(4, ["collect", 0]),
  ["lead", 0],
  ["collect", 1],
  ["collect", 0],
  ...times(4, ["upload", 0], ["run", 0]),
  ["collect", 1],
];

/** The same while the next leader still condemns a third run: what it refuses it knows from its takeover. */
const removedBeforeIt: Step[] = [
  ...times(2, ["upload", 0], ["run", 0]),
  ["wait", 5],
  ...times(4, ["collect", 0]),
  ...times(1, ["upload", 0], ["run", 0]),
  ["lead", 0],
  ["wait", 5],
  ["collect", 1],
  ["collect", 0],
  ...times(3, ["upload", 0], ["run", 0]),
  ...times(2, ["collect", 1]),
];

function times(count: number, ...steps: readonly Step[]): Step[] {
  return Array.from({ length: count }, () => steps).flat();
}

async function carriedOut(steps: readonly Step[]): Promise<World> {
  const world = new World();
  for (const [kind, choice] of steps) {
    if (kind === "wait") world.stores.nowMs += choice * 3 * HOUR_MS;
    else if (kind === "lead") world.lead();
    else await world[kind](choice);
    world.check();
  }
  return world;
}

describe("collections while work goes on", () => {
  it("remove nothing that is needed, whoever leads and however long a collector is paused", async () => {
    await fc.assert(
      fc.asyncProperty(anySteps(250), async (steps) => {
        await carriedOut(steps);
      }),
      { numRuns: 200, examples: [[removedByAnother], [removedBeforeIt], [retriedMeanwhile]] },
    );
  }, 60_000);

  it("remove everything in the end", async () => {
    await fc.assert(
      fc.asyncProperty(anySteps(100), async (steps) => {
        const world = await carriedOut(steps);
        world.lead();
        world.stores.nowMs += 3 * AGE_MS;
        for (let slice = 0; slice < 60; slice += 1) await world.collect(world.leaders.length - 1);
        expect(world.stores.knownRuns()).toEqual([]);
        expect(world.stores.logLines).toEqual([]);
        for (let digit = 0; digit < 6; digit += 1) {
          expect(world.stores.has(`artifact/${String(digit).repeat(64)}`)).toBe(false);
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
