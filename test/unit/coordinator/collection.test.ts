import { describe, expect, it } from "vitest";
import { ReferenceFilter } from "../../../coordinator/core/reference-filter.ts";
import { collect, newProgress } from "../../../coordinator/storage/collection.ts";
import { RunReferences } from "../../../coordinator/storage/run-references.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { MemoryCollectionStores } from "../../support/memory-collection.ts";
import { recordedRun } from "../../support/recorded-run.ts";

const HOUR_MS = 3600_000;
const codec = new MessageCodec();
const kept = "a".repeat(64);
const forgotten = "b".repeat(64);

/** A store with an ended run and its artifact, and an artifact of nobody, both two days old. */
class Stores extends MemoryCollectionStores {
  readonly references = new RunReferences(this);

  constructor() {
    super(codec);
    this.upload(`artifact/${kept}`);
    this.upload(`artifact/${forgotten}`);
    this.nowMs += 48 * HOUR_MS;
  }

  async end(artifact: string): Promise<void> {
    const payload = codec.encode(recordedRun({ endedAt: this.nowMs, artifact }));
    await this.append({ run: "r1", epoch: 1, batch: artifact, expectedSeq: this.lastSeqOf("r1"), payload });
  }

  async collect({ isDryRun = false, keepRunsForMs = 24 * HOUR_MS, skewMs = 0 } = {}) {
    const policy = { keepRunsForMs, keepRuns: Number.POSITIVE_INFINITY };
    const progress = newProgress();
    const slices = collect(
      { policy, unreferencedForMs: HOUR_MS, isDryRun },
      {
        epoch: 1,
        stores: this,
        references: this.references,
        codec,
        progress,
        now: () => this.nowMs + skewMs,
        newId: () => "batch",
        newFilter: () => new ReferenceFilter(0.5, 4096),
        onCondemned: () => undefined,
        isRetried: () => false,
        onAllRemoved: () => undefined,
      },
    );
    while (!(await slices.next()).done);
    return progress;
  }
}

describe("a collection", () => {
  it("that is only asked what would go says it, and removes nothing", async () => {
    const stores = new Stores();
    await stores.end(kept);
    stores.nowMs += 2 * HOUR_MS;
    const progress = await stores.collect({ isDryRun: true, keepRunsForMs: HOUR_MS });
    expect(progress).toMatchObject({ runs: ["r1"], objects: 2 });
    expect(stores.knownRuns()).toEqual(["r1"]);
    expect([kept, forgotten].map((digest) => stores.has(`artifact/${digest}`))).toEqual([true, true]);
  });

  it("is not made by a clock that is hours ahead or behind", async () => {
    const stores = new Stores();
    await stores.end(kept);
    for (const skewMs of [-2 * HOUR_MS, 2 * HOUR_MS])
      await expect(stores.collect({ skewMs })).rejects.toMatchObject({ code: "conflict" });
    expect(stores.has(`artifact/${forgotten}`)).toBe(true);
  });

  it("reads a run again that has another end than the one remembered", async () => {
    const stores = new Stores();
    await stores.end(forgotten);
    stores.upload(`artifact/${kept}`);
    await stores.collect();
    await stores.end(kept);
    stores.nowMs += 2 * HOUR_MS;
    await stores.collect();
    expect(stores.has(`artifact/${kept}`)).toBe(true);
  });
});
