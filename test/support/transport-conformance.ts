import { afterEach, describe, expect, it } from "vitest";
import type { Transport } from "../../shared/actor/contract.ts";
import { waitUntil } from "./wait-until.ts";

/** Two transports of one bus, and how to end them. */
export interface TransportPair {
  readonly one: Transport;
  readonly other: Transport;
  /** First token of the subjects to use, so that suites on one server do not meet. */
  readonly prefix: string;
  close(): Promise<void>;
}

/** What every Transport promises, whatever carries it. */
export function describeTransport(name: string, connect: () => Promise<TransportPair>): void {
  describe(`${name} as a transport`, () => {
    let pair: TransportPair | undefined;

    async function open(): Promise<TransportPair> {
      pair = await connect();
      return pair;
    }

    /** Subscribes, and waits until the subscription is in force for what either side publishes. */
    async function listen(transport: Transport, subject: string): Promise<Heard> {
      const heard: Heard = { subjects: [], payloads: [], cancel: () => undefined };
      heard.cancel = transport.subscribe(subject, (payload, from) => {
        heard.subjects.push(from);
        heard.payloads.push(payload.slice());
      });
      await transport.flush();
      return heard;
    }

    async function waitForCount(heard: Heard, count: number): Promise<void> {
      await waitUntil(`${count} deliveries`, () => heard.subjects.length >= count, {
        diagnose: () => heard.subjects.slice(-10),
      });
    }

    afterEach(async () => {
      await pair?.close();
      pair = undefined;
    });

    it("carries bytes unchanged, with their subject", async () => {
      const { one, other, prefix } = await open();
      const heard = await listen(other, `${prefix}.a.b`);
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      one.publish(`${prefix}.a.b`, bytes);
      one.publish(`${prefix}.a.b`, new Uint8Array(0));
      await waitForCount(heard, 2);
      expect(heard.subjects).toEqual([`${prefix}.a.b`, `${prefix}.a.b`]);
      expect([...heard.payloads[0]!]).toEqual([...bytes]);
      expect(heard.payloads[1]).toHaveLength(0);
    });

    it("reaches its own subscriptions too", async () => {
      const { one, prefix } = await open();
      const heard = await listen(one, `${prefix}.self`);
      one.publish(`${prefix}.self`, Uint8Array.of(1));
      await waitForCount(heard, 1);
    });

    it("never delivers within publish", async () => {
      const { one, prefix } = await open();
      const heard = await listen(one, `${prefix}.later`);
      one.publish(`${prefix}.later`, Uint8Array.of(1));
      expect(heard.subjects).toEqual([]);
      await waitForCount(heard, 1);
    });

    it("keeps the order of one publisher over all subjects of a subscription", async () => {
      const { one, other, prefix } = await open();
      const heard = await listen(other, `${prefix}.order.>`);
      const sent = Array.from({ length: 2000 }, (_, index) => `${prefix}.order.${index % 7}.${index}`);
      for (const subject of sent) one.publish(subject, Uint8Array.of(1));
      await waitForCount(heard, sent.length);
      expect(heard.subjects).toEqual(sent);
    });

    it("takes * for one token and a final > for one or more", async () => {
      const { one, other, prefix } = await open();
      const star = await listen(other, `${prefix}.*.x`);
      const tail = await listen(other, `${prefix}.t.>`);
      const end = await listen(other, `${prefix}.end`);
      for (const subject of ["a.x", "b.x", "a.b.x", "x", "t", "t.u", "t.u.v", "end"]) {
        one.publish(`${prefix}.${subject}`, Uint8Array.of(1));
      }
      await waitForCount(end, 1);
      expect(star.subjects).toEqual([`${prefix}.a.x`, `${prefix}.b.x`]);
      expect(tail.subjects).toEqual([`${prefix}.t.u`, `${prefix}.t.u.v`]);
    });

    it("delivers to each of several subscriptions", async () => {
      const { one, other, prefix } = await open();
      const first = await listen(other, `${prefix}.many`);
      const second = await listen(other, `${prefix}.>`);
      const third = await listen(one, `${prefix}.many`);
      one.publish(`${prefix}.many`, Uint8Array.of(1));
      for (const heard of [first, second, third]) await waitForCount(heard, 1);
    });

    it("delivers nothing to a cancelled subscription", async () => {
      const { one, other, prefix } = await open();
      const cancelled = await listen(other, `${prefix}.gone`);
      const kept = await listen(other, `${prefix}.gone`);
      cancelled.cancel();
      cancelled.cancel();
      await other.flush();
      one.publish(`${prefix}.gone`, Uint8Array.of(1));
      await waitForCount(kept, 1);
      expect(cancelled.subjects).toEqual([]);
    });

    it("lets a subscription be cancelled from within its delivery", async () => {
      const { one, other, prefix } = await open();
      let calls = 0;
      const cancel = other.subscribe(`${prefix}.once`, () => {
        calls++;
        cancel();
      });
      await other.flush();
      const end = await listen(other, `${prefix}.once.end`);
      for (let index = 0; index < 3; index++) one.publish(`${prefix}.once`, Uint8Array.of(index));
      one.publish(`${prefix}.once.end`, Uint8Array.of(1));
      await waitForCount(end, 1);
      expect(calls).toBe(1);
    });

    it("is not touched by what the publisher does to the payload later, once flushed", async () => {
      const { one, other, prefix } = await open();
      const heard = await listen(other, `${prefix}.copy`);
      const payload = Uint8Array.of(1, 2, 3);
      one.publish(`${prefix}.copy`, payload);
      await one.flush();
      payload.fill(9);
      await waitForCount(heard, 1);
      expect([...heard.payloads[0]!]).toEqual([1, 2, 3]);
    });

    it("loses silently what nobody subscribes to", async () => {
      const { one, prefix } = await open();
      one.publish(`${prefix}.nobody`, Uint8Array.of(1));
      await one.flush();
    });

    it("delivers nothing after close", async () => {
      const { one, other, prefix } = await open();
      const closed = await listen(other, `${prefix}.closed`);
      const kept = await listen(one, `${prefix}.closed`);
      await other.close();
      one.publish(`${prefix}.closed`, Uint8Array.of(1));
      await waitForCount(kept, 1);
      expect(closed.subjects).toEqual([]);
    });
  });
}

interface Heard {
  readonly subjects: string[];
  readonly payloads: Uint8Array[];
  cancel: () => void;
}
