import { describe, expect, it } from "vitest";
import type { TerminationCause } from "../../../shared/actor/contract.ts";
import type { EndList, WatchList } from "../../../shared/actor/node-message.ts";
import { RemoteWatches } from "../../../shared/actor/remote-watches.ts";
import { VirtualClock } from "../../../shared/actor/virtual-clock.ts";

class Watcher {
  readonly causes: TerminationCause[] = [];
  ended(cause: TerminationCause): void {
    this.causes.push(cause);
  }
}

/** The watching side alone; the test plays the other node. */
async function watching() {
  const clock = new VirtualClock();
  const sent: WatchList[] = [];
  const watches = new RemoteWatches({
    node: "one",
    incarnation: "me",
    clock,
    pingMs: 1000,
    nodeTimeoutMs: 5000,
    send: (_node, list) => sent.push(list),
  });
  const answer = (
    incarnation: string,
    ended: EndList["ended"] = [],
    number = sent.at(-1)!.number,
    to = "me",
  ): void => watches.onEndList({ kind: "endList", from: "two", incarnation, to, number, ended });
  const watcher = new Watcher();
  watches.add("two", "/t", watcher);
  await clock.advance(0);
  return { clock, watches, sent, answer, watcher, id: sent[0]!.watches[0]![0] };
}

describe("the watching side of death watch", () => {
  it("gathers the changes of one turn in one list", async () => {
    const { clock, watches, sent } = await watching();
    for (let index = 0; index < 10; index++) watches.add("two", `/t${index}`, new Watcher());
    await clock.advance(0);
    expect(sent.map((list) => list.watches.length)).toEqual([1, 11]);
    expect(sent[1]!.number).toBeGreaterThan(sent[0]!.number);
  });

  it("takes an end once, however often it is named", async () => {
    const { clock, sent, answer, watcher, id } = await watching();
    answer("a", [[id, "failed"]]);
    answer("a", [[id, "failed"]]);
    await clock.advance(0);
    expect(watcher.causes).toEqual(["failed"]);
    expect(sent.at(-1)!.watches).toEqual([]);
  });

  it("ignores a late answer of an incarnation that is over", async () => {
    const { clock, watches, answer, watcher } = await watching();
    answer("a");
    answer("b");
    expect(watcher.causes).toEqual(["nodeLost"]);
    const second = new Watcher();
    watches.add("two", "/t", second);
    await clock.advance(0);
    answer("b");
    answer("a");
    answer("b");
    expect(second.causes).toEqual([]);
  });

  it("ignores answers to an earlier incarnation of its own node", async () => {
    const { answer, watcher, id } = await watching();
    answer("a", [[id, "stopped"]], 1, "my predecessor");
    expect(watcher.causes).toEqual([]);
  });

  it("does not take an answer to an older list for a confirmation", async () => {
    const { clock, watches, sent, answer } = await watching();
    const late = new Watcher();
    watches.add("two", "/late", late);
    await clock.advance(0);
    answer("a", [], sent[0]!.number);
    answer("b", [], sent[1]!.number);
    expect(late.causes).toEqual([]);
    answer("c", [], sent[1]!.number);
    expect(late.causes).toEqual(["nodeLost"]);
  });

  it("gives a node a whole timeout after its own reconnection", async () => {
    const { clock, watches, watcher } = await watching();
    watches.onConnection(false);
    await clock.advance(60_000);
    watches.onConnection(true);
    await clock.advance(4900);
    expect(watcher.causes).toEqual([]);
    await clock.advance(1200);
    expect(watcher.causes).toEqual(["nodeLost"]);
    expect(clock.pending).toBe(0);
  });
});
