import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AckInbox } from "../../../shared/store/ack-inbox.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import { ObjectSubjects } from "../../../shared/store/object-meta.ts";
import { changed } from "../../support/changed.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { readAll, type StoreServer, serverOfTest, startStoreServer } from "./store-server.ts";

const MIB = 1024 * 1024;
let store: StoreServer;
let objects: JetStreamObjects;

beforeAll(async () => {
  store = await startStoreServer();
  objects = new JetStreamObjects(store.bus.connection, { bucket: store.bucket });
});
afterAll(async () => {
  objects.close();
  await store.close();
});

async function bucketMessages(): Promise<number> {
  return (await store.bus.manager.streams.info(`OBJ_${store.bucket}`)).state.messages;
}

/** The number of chunks that the stream holds for an object. */
async function chunkSubjects(): Promise<Map<string, number>> {
  const info = await store.bus.manager.streams.info(`OBJ_${store.bucket}`, { subjects_filter: "$O.*.C.>" });
  return new Map(Object.entries(info.state.subjects ?? {}));
}

describe("objects", () => {
  it.each([0, 1, 1000, 512 * 1024, 512 * 1024 + 1, 5 * MIB + 3, 40 * MIB])(
    "gives back the %i bytes that were put",
    async (size) => {
      const bytes = randomBytes(size);
      const name = `data/size-${size}`;
      const put = await objects.put(name, () => [bytes]);
      expect(put.bytes).toBe(size);
      expect(await objects.info(name)).toEqual(put);
      expect((await readAll(objects.get(name))).equals(bytes)).toBe(true);
    },
  );

  it("stores a small object with two messages", async () => {
    const before = await bucketMessages();
    await objects.put("data/small", () => [Buffer.from("hello")]);
    expect((await bucketMessages()) - before).toBe(2);
  });

  it("names a large object only when all of its chunks are stored: its writer may die at any time", async () => {
    const acks = new AckInbox(store.bus.connection);
    const steps: string[] = [];
    const noting = changed(acks, {
      publish: (subject, payload, headers, settle) =>
        acks.publish(subject, payload, headers, (acknowledgement) => {
          steps.push("chunk");
          settle(acknowledgement);
        }),
      published: (...entry) => {
        steps.push("entry");
        return acks.published(...entry);
      },
    });
    const noted = new JetStreamObjects(store.bus.connection, { bucket: store.bucket, acks: noting });
    const { chunks } = await noted.put("data/several", () => [randomBytes(MIB)]);
    expect(chunks).toBeGreaterThan(1);
    expect(steps).toEqual([...Array.from({ length: chunks }, () => "chunk"), "entry"]);
    acks.close();
  });

  it("takes the name of a small object back when its only chunk is refused", async () => {
    const acks = new AckInbox(store.bus.connection);
    let refuse: () => void = () => undefined;
    const refusing = changed(acks, {
      publish: (_subject, _payload, _headers, settle) => {
        refuse = () => settle({ kind: "refused", code: 10047, reason: "it is full" });
      },
      published: async (...entry) => {
        const stored = await acks.published(...entry);
        refuse();
        refuse = () => undefined;
        return stored;
      },
    });
    const full = new JetStreamObjects(store.bus.connection, { bucket: store.bucket, acks: refusing });
    const put = full.put("data/refused", () => [Buffer.from("small")]);
    await expect(put).rejects.toMatchObject({ code: "unavailable" });
    expect(await objects.info("data/refused")).toBeUndefined();
    acks.close();
  });

  it("leaves an object whole that was given up when its name may have been stored", async () => {
    const acks = new AckInbox(store.bus.connection);
    const end = new AbortController();
    const unheard = changed(acks, {
      published: async (...entry) => {
        await acks.published(...entry);
        end.abort(new Error("given up"));
        return { kind: "lost", reason: "disconnected" };
      },
    });
    const ending = new JetStreamObjects(store.bus.connection, { bucket: store.bucket, acks: unheard });
    const put = ending.put("data/given-up", () => [Buffer.from("small")], { signal: end.signal });
    await expect(put).rejects.toThrow("given up");
    expect((await readAll(objects.get("data/given-up"))).toString()).toBe("small");
    acks.close();
  });

  it("does not send an object that is there", async () => {
    await objects.put("data/once", () => [Buffer.from("first")]);
    const again = await objects.put("data/once", () => {
      throw new Error("must not be read");
    });
    expect(again.bytes).toBe(5);
  });

  it("announces an object that is put again by storing its entry once more", async () => {
    const eager = new JetStreamObjects(store.bus.connection, { bucket: store.bucket, announceAfterMs: 0 });
    const first = await eager.put("data/announced", () => [Buffer.from("same")]);
    const before = await store.bus.manager.streams.info(`OBJ_${store.bucket}`);
    await eager.put("data/announced", () => [Buffer.from("same")]);
    const after = await store.bus.manager.streams.info(`OBJ_${store.bucket}`);
    expect(after.state.last_seq).toBe(before.state.last_seq + 1);
    expect(after.state.messages).toBe(before.state.messages);
    expect(await eager.info("data/announced")).toEqual(first);
    eager.close();
  });

  it("lets one of several writers of a name win and removes the others' chunks", async () => {
    const others = await Promise.all(
      [1, 2, 3].map(async () => {
        const bus = await store.connect();
        return new JetStreamObjects(bus.connection, { bucket: store.bucket });
      }),
    );
    const before = await chunkSubjects();
    const bytes = randomBytes(3 * MIB);
    const infos = await Promise.all(others.map((other) => other.put("data/raced", () => [bytes])));
    expect(new Set(infos.map((info) => info.digest)).size).toBe(1);
    expect((await readAll(objects.get("data/raced"))).equals(bytes)).toBe(true);
    const added = [...(await chunkSubjects()).keys()].filter((subject) => !before.has(subject));
    expect(added).toHaveLength(1);
    for (const other of others) other.close();
  });

  it("is missing after it was removed, leaves nothing behind, and can be put again", async () => {
    const before = await bucketMessages();
    await objects.put("data/removed", () => [randomBytes(2 * MIB)]);
    await objects.remove("data/removed");
    expect(await bucketMessages()).toBe(before);
    expect(await objects.info("data/removed")).toBeUndefined();
    await expect(readAll(objects.get("data/removed"))).rejects.toMatchObject({ code: "notFound" });
    await objects.put("data/removed", () => [Buffer.from("back")]);
    expect((await readAll(objects.get("data/removed"))).toString()).toBe("back");
  });

  it("replaces an object as a whole, and leaves nothing of what was there", async () => {
    const before = await bucketMessages();
    for (const [term, size] of [
      [1, 2 * MIB] as const,
      [1, 10] as const,
      [3, 0] as const,
      [3, MIB] as const,
    ]) {
      const bytes = randomBytes(size);
      expect(await objects.replace("replaced", () => [bytes], term)).toBe(true);
      expect((await readAll(objects.get("replaced"))).equals(bytes)).toBe(true);
    }
    await objects.remove("replaced");
    expect(await bucketMessages()).toBe(before);
  });

  it("keeps what was replaced in a later term, also when several replace it at once", async () => {
    const replace = (text: string, term: number) =>
      objects.replace("in-terms", () => [Buffer.from(text)], term);
    const results = await Promise.all([1, 2, 3, 4].map((term) => replace(`term ${term}`, term)));
    expect(results.at(-1)).toBe(true);
    expect(await replace("late", 3)).toBe(false);
    expect((await readAll(objects.get("in-terms"))).toString()).toBe("term 4");
    const before = await bucketMessages();
    await replace("again", 4);
    expect(await bucketMessages()).toBe(before);
  });

  it("purges the chunks of a put whose source fails, and passes the failure on", async () => {
    const before = await bucketMessages();
    const bytes = randomBytes(3 * MIB);
    const failing = async function* () {
      yield bytes;
      throw new Error("disk gone");
    };
    // Often, because a purge that does not wait is overtaken by a chunk only now and then.
    for (let count = 0; count < 20; count += 1) {
      await expect(objects.put("data/failing", failing)).rejects.toThrow("disk gone");
    }
    expect(await bucketMessages()).toBe(before);
  });

  it("stops a put when its signal comes", async () => {
    const stop = new AbortController();
    const endless = async function* () {
      for (let sent = 0; ; sent += 1) {
        if (sent === 20) stop.abort(new Error("not wanted any more"));
        yield randomBytes(MIB);
      }
    };
    await expect(objects.put("data/endless", endless, { signal: stop.signal })).rejects.toThrow(
      "not wanted any more",
    );
  });

  describe("that are damaged", () => {
    async function chunkSeqs(name: string): Promise<number[]> {
      const subjects = new ObjectSubjects(store.bucket);
      const { stream } = subjects;
      const entry = await store.bus.manager.streams.getMessage(stream, {
        last_by_subj: subjects.meta(name),
      });
      const { nuid, chunks } = entry.json<{ nuid: string; chunks: number }>();
      const last = await store.bus.manager.streams.getMessage(stream, {
        last_by_subj: subjects.chunks(nuid),
      });
      return Array.from({ length: chunks }, (_, index) => last.seq - chunks + 1 + index);
    }

    it("are corrupt when a chunk was altered", async () => {
      const bytes = randomBytes(2 * MIB);
      await objects.put("data/altered", () => [bytes]);
      const [first] = await chunkSeqs("data/altered");
      const stream = `OBJ_${store.bucket}`;
      const chunk = await store.bus.manager.streams.getMessage(stream, { seq: first as number });
      await store.bus.manager.streams.deleteMessage(stream, first as number);
      await store.bus.jetstream.publish(chunk.subject, chunk.data);
      await expect(readAll(objects.get("data/altered"))).rejects.toMatchObject({ code: "corrupt" });
    });

    it.each([
      ["the first", 0],
      ["the last", -1],
    ])("are corrupt when %s chunk is missing", async (_which, index) => {
      const name = index === 0 ? "data/lack-first" : "data/lack-last";
      await objects.put(name, () => [randomBytes(2 * MIB)]);
      const seq = (await chunkSeqs(name)).at(index) as number;
      await store.bus.manager.streams.deleteMessage(`OBJ_${store.bucket}`, seq);
      await expect(readAll(objects.get(name))).rejects.toMatchObject({ code: "corrupt" });
    });

    it("are corrupt when the only chunk is missing", async () => {
      await objects.put("data/lack-all", () => [randomBytes(1000)]);
      const [seq] = await chunkSeqs("data/lack-all");
      await store.bus.manager.streams.deleteMessage(`OBJ_${store.bucket}`, seq as number);
      await expect(readAll(objects.get("data/lack-all"))).rejects.toMatchObject({ code: "corrupt" });
    });

    it("are stored again by the next who puts them, when their writer died before their only chunk was stored", async () => {
      const bytes = randomBytes(1000);
      await objects.put("data/orphaned", () => [bytes]);
      const [seq] = await chunkSeqs("data/orphaned");
      await store.bus.manager.streams.deleteMessage(`OBJ_${store.bucket}`, seq as number);
      const next = new JetStreamObjects(store.bus.connection, { bucket: store.bucket });
      await next.put("data/orphaned", () => [bytes]);
      expect((await readAll(next.get("data/orphaned"))).equals(bytes)).toBe(true);
      next.close();
    });
  });

  describe("and the client library's object store", () => {
    it("read each other's objects", async () => {
      const theirs = await store.bus.jetstream.views.os(store.bucket);
      const bytes = randomBytes(3 * MIB + 17);
      await objects.put("data/ours ?>", () => [bytes]);
      expect(Buffer.from((await theirs.getBlob("data/ours ?>")) ?? []).equals(bytes)).toBe(true);
      expect((await theirs.info("data/ours ?>"))?.size).toBe(bytes.length);

      await theirs.putBlob({ name: "data/theirs?>" }, bytes);
      expect((await readAll(objects.get("data/theirs?>"))).equals(bytes)).toBe(true);
      const info = await objects.info("data/theirs?>");
      expect(info).toMatchObject({ bytes: bytes.length, chunks: 25 });
    });

    it("see each other's removals", async () => {
      const theirs = await store.bus.jetstream.views.os(store.bucket);
      await objects.put("data/both", () => [Buffer.from("1")]);
      await theirs.delete("data/both");
      expect(await objects.info("data/both")).toBeUndefined();
      await objects.put("data/both", () => [Buffer.from("2")]);
      expect(Buffer.from((await theirs.getBlob("data/both")) ?? []).toString()).toBe("2");
      await objects.remove("data/both");
      expect(await theirs.getBlob("data/both")).toBeNull();
    });
  });
});

describe("objects of a server with small messages", () => {
  it("have chunks that fit", async () => {
    const small = await serverOfTest("max_payload: 65536");
    const other = new JetStreamObjects(small.bus.connection, { bucket: small.bucket });
    const bytes = randomBytes(MIB);
    expect((await other.put("data/cut", () => [bytes])).chunks).toBe(18);
    expect((await readAll(other.get("data/cut"))).equals(bytes)).toBe(true);
    other.close();
  });
});

describe("objects of a full bucket", () => {
  it("are refused with what to do, and leave no entry", async () => {
    const full = await serverOfTest();
    const stream = `OBJ_${full.bucket}`;
    const { config } = await full.bus.manager.streams.info(stream);
    await full.bus.manager.streams.update(stream, { ...config, max_bytes: 300_000 });
    const other = new JetStreamObjects(full.bus.connection, { bucket: full.bucket });
    for (const size of [400_000, 5_000_000]) {
      const refused = other.put(`data/big-${size}`, () => [randomBytes(size)]);
      await expect(refused).rejects.toMatchObject({ code: "unavailable", fix: expect.any(String) });
      expect(await other.info(`data/big-${size}`)).toBeUndefined();
    }
    await other.put("data/fits", () => [randomBytes(1000)]);
    other.close();
  });
});

describe("objects across a restart of the server", () => {
  it("arrive whole when the server is killed in the middle of a put", async () => {
    const shaky = await serverOfTest();
    const acks = new AckInbox(shaky.bus.connection);
    const other = new JetStreamObjects(shaky.bus.connection, { bucket: shaky.bucket, acks });
    const pieces = Array.from({ length: 64 }, () => randomBytes(MIB));
    let tries = 0;
    let restarted: Promise<void> | undefined;
    const source = async function* () {
      tries += 1;
      for (const [index, piece] of pieces.entries()) {
        if (index === 40 && restarted === undefined) {
          restarted = shaky.server.kill().then(() => shaky.server.restart());
        }
        yield piece;
      }
    };
    const info = await other.put("data/shaky", source);
    await restarted;
    expect(tries).toBeGreaterThan(1);
    const digest = createHash("sha256");
    for await (const piece of other.get("data/shaky")) digest.update(piece);
    expect(digest.digest("hex")).toBe(createHash("sha256").update(Buffer.concat(pieces)).digest("hex"));
    const { state } = await shaky.bus.manager.streams.info(`OBJ_${shaky.bucket}`);
    expect(state.messages).toBe(info.chunks + 1);
    acks.close();
  });

  it("are read to the end when the server is killed in the middle of a get", async () => {
    const shaky = await serverOfTest();
    const other = new JetStreamObjects(shaky.bus.connection, { bucket: shaky.bucket });
    const bytes = randomBytes(48 * MIB);
    await other.put("data/shaky", () => [bytes]);
    const pieces: Uint8Array[] = [];
    let restarted: Promise<void> | undefined;
    for await (const piece of other.get("data/shaky")) {
      pieces.push(piece);
      if (pieces.length === 10) restarted = shaky.server.kill().then(() => shaky.server.restart());
    }
    await restarted;
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    other.close();
  });

  it("wait for a server that is away", async () => {
    const shaky = await serverOfTest();
    const other = new JetStreamObjects(shaky.bus.connection, { bucket: shaky.bucket });
    await shaky.server.kill();
    let isStored = false;
    const put = other
      .put("data/late", () => [Buffer.from("late")])
      .then(() => {
        isStored = true;
      });
    await shaky.server.restart();
    await waitUntil("the object is stored", () => isStored);
    await put;
    expect((await readAll(other.get("data/late"))).toString()).toBe("late");
    other.close();
  });
});
