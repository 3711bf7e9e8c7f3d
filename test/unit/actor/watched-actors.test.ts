import { describe, expect, it } from "vitest";
import type { EndList, WatchList } from "../../../shared/actor/node-message.ts";
import { VirtualClock } from "../../../shared/actor/virtual-clock.ts";
import { WatchedActors } from "../../../shared/actor/watched-actors.ts";

/** The watched side alone, on a node without actors; the test plays the other node. */
function watched() {
  const clock = new VirtualClock();
  const sent: EndList[] = [];
  const actors = new WatchedActors({
    node: "two",
    incarnation: "me",
    clock,
    forgetMs: 15_000,
    find: () => undefined,
    send: (_node, list) => sent.push(list),
  });
  const list = (number: number, watches: WatchList["watches"], incarnation = "a"): void =>
    actors.onWatchList({ kind: "watchList", from: "one", incarnation, number, watches });
  return { clock, sent, list };
}

describe("the watched side of death watch", () => {
  it("names an end in each answer until its watch is no longer listed", () => {
    const { sent, list } = watched();
    list(1, [[7, "/none"]]);
    list(2, [
      [7, "/none"],
      [8, "/none"],
    ]);
    list(3, [[8, "/none"]]);
    expect(sent.map(({ number, ended }) => [number, ended.map(([id]) => id)])).toEqual([
      [1, [7]],
      [2, [7, 8]],
      [3, [8]],
    ]);
  });

  it("ignores a list that comes after a newer one", () => {
    const { sent, list } = watched();
    list(2, [[7, "/none"]]);
    list(1, []);
    list(2, []);
    expect(sent).toHaveLength(1);
  });

  it("starts afresh with a new incarnation of the watching node", () => {
    const { sent, list } = watched();
    list(9, [[7, "/none"]]);
    list(1, [[3, "/none"]], "b");
    expect(sent.at(-1)).toMatchObject({ to: "b", number: 1, ended: [[3, "notFound"]] });
  });

  it("forgets a node that has fallen silent", async () => {
    const { clock, list, sent } = watched();
    list(5, [[7, "/none"]]);
    await clock.advance(10_000);
    list(6, [[7, "/none"]]);
    await clock.advance(14_000);
    expect(clock.pending).toBe(1);
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
    list(1, [[7, "/none"]]);
    expect(sent.at(-1)).toMatchObject({ number: 1 });
  });
});
