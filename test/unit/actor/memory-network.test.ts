import { describe, expect, it } from "vitest";
import { type Faults, MemoryNetwork, type NetworkEvent } from "../../../shared/actor/memory-network.ts";
import { seededRandomness } from "../../../shared/actor/randomness.ts";
import { systemClock } from "../../../shared/actor/system-clock.ts";
import { VirtualClock } from "../../../shared/actor/virtual-clock.ts";
import { describeTransport } from "../../support/transport-conformance.ts";

describeTransport("the network in memory", async () => {
  const network = new MemoryNetwork(systemClock, seededRandomness(1));
  const one = network.connect("one");
  const other = network.connect("other");
  return {
    one,
    other,
    prefix: "conformance",
    close: async () => {
      await one.close();
      await other.close();
    },
  };
});

function twoNodes(faults: Faults = {}, seed = 7) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, seededRandomness(seed), faults);
  const one = network.connect("one");
  const other = network.connect("other");
  const heard: number[] = [];
  other.subscribe("s.*", (payload) => heard.push(payload[0]!));
  const send = (...numbers: number[]): void => {
    for (const number of numbers) one.publish(`s.${number}`, Uint8Array.of(number));
  };
  return { clock, network, one, other, heard, send };
}

const numbers = Array.from({ length: 100 }, (_, index) => index);

describe("the network in memory", () => {
  it("delays within its bounds and keeps the order", async () => {
    const { clock, heard, send } = twoNodes({ minDelayMs: 10, maxDelayMs: 50 });
    send(...numbers);
    await clock.advance(9);
    expect(heard).toEqual([]);
    await clock.advance(41);
    expect(heard).toEqual(numbers);
  });

  it("reorders, loses and doubles where it is told to", async () => {
    const reordering = twoNodes({ maxDelayMs: 20, minDelayMs: 0, reorder: 0.5 });
    reordering.send(...numbers);
    await reordering.clock.advance(20);
    expect(reordering.heard).not.toEqual(numbers);
    expect(reordering.heard.toSorted((a, b) => a - b)).toEqual(numbers);

    const losing = twoNodes({ lose: 0.5 });
    losing.send(...numbers);
    await losing.clock.advance(0);
    expect(losing.heard.length).toBeGreaterThan(20);
    expect(losing.heard.length).toBeLessThan(80);

    const doubling = twoNodes({ double: 1 });
    doubling.send(1, 2);
    await doubling.clock.advance(0);
    expect(doubling.heard.toSorted()).toEqual([1, 1, 2, 2]);
  });

  it("loses what is sent by or on its way to a transport that is not connected", async () => {
    const { clock, one, other, heard, send } = twoNodes({ minDelayMs: 10 });
    const statuses: string[] = [];
    other.onStatus((status) => statuses.push(status));
    send(1);
    await clock.advance(5);
    other.disconnect();
    other.reconnect();
    send(2);
    await clock.advance(20);
    one.disconnect();
    send(3);
    one.reconnect();
    send(4);
    await clock.advance(20);
    expect(heard).toEqual([2, 4]);
    expect(statuses).toEqual(["disconnected", "connected"]);
  });

  it("gives each receiver a payload of its own", async () => {
    const { clock, network, one, heard } = twoNodes();
    network.connect("third").subscribe("s.1", (payload) => payload.fill(7));
    const payload = Uint8Array.of(1);
    one.subscribe("s.1", (own) => own.fill(8));
    one.publish("s.1", payload);
    payload.fill(9);
    await clock.advance(0);
    expect(heard).toEqual([1]);
    expect([...payload]).toEqual([9]);
  });

  it("parts and heals", async () => {
    const { clock, network, heard, send } = twoNodes();
    network.partition(["one"], ["other"]);
    send(1);
    await clock.advance(1);
    network.heal();
    send(2);
    await clock.advance(1);
    expect(heard).toEqual([2]);
  });

  it("gives the same trace for the same seed, and another for another", async () => {
    const traceOf = async (seed: number): Promise<NetworkEvent[]> => {
      const world = twoNodes({ maxDelayMs: 30, minDelayMs: 0, lose: 0.2, double: 0.2, reorder: 0.3 }, seed);
      const trace: NetworkEvent[] = [];
      world.network.trace((event) => trace.push(event));
      world.send(...numbers);
      await world.clock.advance(100);
      return trace;
    };
    const first = await traceOf(3);
    expect(first.length).toBeGreaterThan(90);
    expect(await traceOf(3)).toEqual(first);
    expect(await traceOf(4)).not.toEqual(first);
  });
});
