import { headers, JSONCodec, type Msg, type NatsConnection } from "nats";
import { expect, test } from "vitest";
import { SubjectReader, storedMessages } from "../../../shared/store/subject-reader.ts";

/** A stream whose leader has all messages, and whose replica, from which consumers read, has the first few. */
class LaggingStream {
  /** Sequences that the leader has. */
  readonly stored: number[];
  replicated: number;
  consumers = 0;
  /** How often the leader was asked for its last message. */
  asked = 0;
  /** Told when the leader is asked: what happens meanwhile. */
  onAsked: () => void = () => undefined;
  refusal: { code: number; err_code: number; description: string } | undefined;
  #inbox: ((error: null, message: Msg) => void) | undefined;
  #next = 0;
  #delivered = 0;

  constructor(stored: number, replicated: number) {
    this.stored = Array.from({ length: stored }, (_, index) => index + 1);
    this.replicated = replicated;
  }

  get connection(): NatsConnection {
    const connection = {
      isClosed: () => false,
      closed: () => new Promise<void>(() => undefined),
      status: async function* () {
        await new Promise<void>(() => undefined);
      },
      jetstreamManager: () =>
        Promise.resolve({ consumers: { add: this.#add, delete: () => Promise.resolve(true) } }),
      subscribe: (_: string, options: { callback: (error: null, message: Msg) => void }) => {
        this.#inbox = options.callback;
        return { unsubscribe: () => undefined };
      },
      publish: () => setImmediate(() => this.#deliver()),
      request: () => this.#last(),
    };
    return connection as unknown as NatsConnection;
  }

  readonly #add = (_: string, { opt_start_seq = 1 }: { opt_start_seq?: number }) => {
    this.consumers += 1;
    this.#next = opt_start_seq;
    this.#delivered = 0;
    return Promise.resolve({ name: "consumer", num_pending: this.#there().length });
  };

  #there(): number[] {
    return this.stored.filter((seq) => seq >= this.#next && seq <= this.replicated);
  }

  #deliver(): void {
    for (const seq of this.#there()) {
      this.#delivered += 1;
      this.#next = seq + 1;
      const reply = `$JS.ACK.stream.consumer.1.${seq}.${this.#delivered}.${seq * 1_000_000}.0`;
      const message = { subject: "subject", reply, data: Uint8Array.of(seq), headers: undefined };
      this.#inbox?.(null, message as unknown as Msg);
    }
  }

  #last(): Promise<Msg> {
    this.asked += 1;
    this.onAsked();
    const seq = this.stored.at(-1);
    const none = { code: 404, err_code: 10037, description: "no message found" };
    const error = this.refusal ?? (seq === undefined ? none : undefined);
    const message = { subject: "subject", seq, time: new Date(seq ?? 0).toISOString() };
    const answer = error === undefined ? { message } : { error };
    return Promise.resolve({
      json: () => answer,
      data: JSONCodec().encode(answer),
      headers: headers(),
    } as never);
  }
}

const reading = { stream: "stream", subject: "subject", follow: false, window: 64 };

async function read(
  stream: LaggingStream,
  options: { fromSeq?: number; fromTime?: Date } = {},
): Promise<number[]> {
  const seen: number[] = [];
  for await (const { seq } of storedMessages(stream.connection, { ...reading, ...options })) seen.push(seq);
  return seen;
}

test("reads all that the leader has, though the replica it reads from lags", async () => {
  const stream = new LaggingStream(5, 2);
  stream.onAsked = () => (stream.replicated += 1);
  expect(await read(stream)).toEqual([1, 2, 3, 4, 5]);
});

test("reads what a replica does not have at all yet", async () => {
  const stream = new LaggingStream(3, 0);
  stream.onAsked = () => (stream.replicated = 3);
  expect(await read(stream)).toEqual([1, 2, 3]);
});

test("ends when the leader has no more, which it is asked once", async () => {
  const stream = new LaggingStream(3, 3);
  expect(await read(stream)).toEqual([1, 2, 3]);
  expect([stream.asked, stream.consumers]).toEqual([1, 1]);
  expect(await read(new LaggingStream(0, 0))).toEqual([]);
  expect(await read(stream, { fromSeq: 4 })).toEqual([]);
});

test("does not wait for what was removed meanwhile", async () => {
  const stream = new LaggingStream(5, 2);
  stream.onAsked = () => {
    if (stream.asked === 2) stream.stored.splice(2);
  };
  expect(await read(stream)).toEqual([1, 2]);
});

test("does not look for what was stored before the time it reads from", async () => {
  const stream = new LaggingStream(5, 0);
  expect(await read(stream, { fromTime: new Date(1_000) })).toEqual([]);
  expect(stream.consumers).toBe(1);
});

test("does not run after what is stored while it reads", async () => {
  const stream = new LaggingStream(2, 1);
  stream.onAsked = () => {
    stream.replicated = stream.stored.length;
    stream.stored.push(stream.stored.length + 1);
  };
  const seen = await read(stream);
  expect(seen).toEqual([1, 2, 3]);
});

test("says so when the leader refuses to tell", async () => {
  const stream = new LaggingStream(2, 2);
  stream.refusal = { code: 403, err_code: 1, description: "not allowed" };
  await expect(read(stream)).rejects.toThrow(/not allowed/);
});

test("ends at once when it is closed while the leader is asked", async () => {
  const stream = new LaggingStream(5, 2);
  const reader = new SubjectReader(stream.connection, reading);
  stream.onAsked = () => reader.close();
  const seen: unknown[] = [];
  for (let step = await reader.next(); step !== "end"; step = await reader.next()) seen.push(step);
  expect(seen).toHaveLength(2);
});

test("does not ask the leader when it follows", async () => {
  const stream = new LaggingStream(2, 2);
  const reader = new SubjectReader(stream.connection, { ...reading, follow: true });
  await reader.next();
  await reader.next();
  expect(reader.caughtUp).toBe(true);
  reader.wake();
  expect(await reader.next()).toBe("woken");
  expect(stream.asked).toBe(0);
  reader.close();
});
