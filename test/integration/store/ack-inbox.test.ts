import { headers } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AckInbox, WRONG_LAST_SEQUENCE } from "../../../shared/store/ack-inbox.ts";
import { type StoreServer, serverOfTest, startStoreServer } from "./store-server.ts";

let store: StoreServer;

beforeAll(async () => {
  store = await startStoreServer();
});
afterAll(() => store.close());

const BYTES = Buffer.from("x");

describe("a publish", () => {
  it("is stored, with its sequence", async () => {
    const acks = new AckInbox(store.bus.connection);
    const subject = store.bus.subjects.log("r", "j", 1, "a");
    const first = await acks.published(subject, BYTES);
    const second = await acks.published(subject, BYTES);
    expect(first).toEqual({ kind: "stored", seq: 1 });
    expect(second).toEqual({ kind: "stored", seq: 2 });
    acks.close();
  });

  it("is refused when its condition does not hold", async () => {
    const acks = new AckInbox(store.bus.connection);
    const conditions = headers();
    conditions.set("Nats-Expected-Last-Subject-Sequence", "7");
    const answer = await acks.published(store.bus.subjects.log("r", "k", 1, "a"), BYTES, conditions);
    expect(answer).toMatchObject({ kind: "refused", code: WRONG_LAST_SEQUENCE });
    acks.close();
  });

  it("is lost when no stream takes it, or it does not fit a message", async () => {
    const acks = new AckInbox(store.bus.connection);
    expect(await acks.published("nobody.listens", BYTES)).toMatchObject({ kind: "lost" });
    const large = Buffer.alloc(store.bus.maxPayload() + 1);
    expect(await acks.published(store.bus.subjects.log("r", "j", 1, "a"), large)).toMatchObject({
      kind: "lost",
    });
    acks.close();
  });

  it("is lost when nobody answers in time", async () => {
    const acks = new AckInbox(store.bus.connection, { limitMs: 50 });
    const silent = store.bus.connection.subscribe("silent");
    expect(await acks.published("silent", BYTES)).toMatchObject({ kind: "lost" });
    silent.unsubscribe();
    acks.close();
  });

  it("is lost when the connection breaks or the inbox is closed, each once", async () => {
    const shaky = await serverOfTest();
    const acks = new AckInbox(shaky.bus.connection);
    const silent = shaky.bus.connection.subscribe("silent");
    const waiting = acks.published("silent", BYTES);
    await shaky.server.kill();
    expect(await waiting).toMatchObject({ kind: "lost" });
    expect(await acks.published("silent", BYTES)).toEqual({ kind: "lost", reason: "not connected" });
    await shaky.server.restart();
    silent.unsubscribe();
    acks.close();
    expect(await acks.published("silent", BYTES)).toMatchObject({ kind: "lost" });
  });
});
