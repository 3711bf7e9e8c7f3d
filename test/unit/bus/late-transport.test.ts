import { describe, expect, it } from "vitest";
import type { TransportStatus } from "../../../shared/actor/contract.ts";
import { MemoryNetwork } from "../../../shared/actor/memory-network.ts";
import { seededRandomness } from "../../../shared/actor/randomness.ts";
import { systemClock } from "../../../shared/actor/system-clock.ts";
import { VirtualClock } from "../../../shared/actor/virtual-clock.ts";
import { LateTransport } from "../../../shared/bus/late-transport.ts";
import { describeTransport } from "../../support/transport-conformance.ts";

describeTransport("a transport that has arrived", async () => {
  const network = new MemoryNetwork(systemClock, seededRandomness(1));
  const [one, other] = [new LateTransport(), new LateTransport()];
  one.arrive(network.connect("one"));
  other.arrive(network.connect("other"));
  const close = async () => {
    await one.close();
    await other.close();
  };
  return { one, other, prefix: "late", close };
});

describe("a transport that is late", () => {
  it("loses what is published before, keeps what is subscribed to, and tells of its arrival", async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock, seededRandomness(1));
    const other = network.connect("other");
    const late = new LateTransport();
    const heard: string[] = [];
    const statuses: TransportStatus[] = [];
    late.subscribe("kept", (payload) => heard.push(Buffer.from(payload).toString()));
    late.subscribe("cancelled", () => heard.push("never"))();
    late.onStatus((status) => statuses.push(status));
    other.subscribe("said", (payload) => heard.push(Buffer.from(payload).toString()));
    late.publish("said", Buffer.from("lost"));
    await late.flush();
    late.arrive(network.connect("late"));
    expect(statuses).toEqual(["connected"]);
    late.publish("said", Buffer.from("carried"));
    other.publish("kept", Buffer.from("delivered"));
    other.publish("cancelled", Buffer.from("x"));
    await clock.advance(100);
    expect(heard.sort()).toEqual(["carried", "delivered"]);
  });

  it("that never comes can be closed", async () => {
    await new LateTransport().close();
  });
});
