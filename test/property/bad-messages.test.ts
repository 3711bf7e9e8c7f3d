import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFromAgent } from "../../coordinator/actors/agent-message.ts";
import { parseCommand } from "../../coordinator/actors/api.ts";
import { readDependency } from "../../coordinator/actors/dependency-message.ts";
import { MessageCodec } from "../../shared/actor/message-codec.ts";
import { api, verbs } from "../../shared/model/api.ts";
import { dependencyResultSchema } from "../../shared/model/event.ts";
import { byeSchema, heartbeatSchema, helloSchema, reportSchema } from "../../shared/model/messages.ts";

const codec = new MessageCodec();
const schemas = { hello: helloSchema, heartbeat: heartbeatSchema, report: reportSchema, bye: byeSchema };
type Kind = keyof typeof schemas;
const kinds = Object.keys(schemas) as Kind[];

const sender = { v: 1, agent: "host", incarnation: "i", epoch: 1, ordersSeen: 0 };
const attempt = { run: "r", job: 0, attempt: 1, lease: "l" };
const result = { outcome: { kind: "succeeded" }, wallMs: 1, cpuMs: null, peakMemoryBytes: null };
const whole: Record<Kind, Record<string, unknown>> = {
  hello: {
    ...sender,
    capacity: { slots: 1, cpu: 1, memoryBytes: 1 },
    labels: [["arch", "x"]],
    pool: "",
    mode: "active",
    host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
    versions: { millrace: "0", node: "20", engine: null },
    held: [{ ...attempt, phase: "running" }],
  },
  heartbeat: { ...sender, mode: "active", load1: 0, freeMemoryBytes: 0, held: [] },
  report: {
    ...sender,
    items: [{ ...attempt, kind: "finished", result: { ...result, artifact: null, logBytes: 0 } }],
  },
  bye: { ...sender, reason: "stopped" },
};
const dependency = {
  v: 1,
  run: "r",
  job: "a",
  index: 0,
  status: "succeeded",
  allowed: false,
  artifact: null,
  rootCause: null,
};

/** Values of any shape, with the keys that hurt. */
const anything = fc.anything({
  key: fc.constantFrom("__proto__", "constructor", "kind", "v", "agent", "held"),
  maxDepth: 3,
});
/** Bytes of any sort, and nearly messages: cut, flipped, doubled. */
const bytes = (message: Uint8Array) =>
  fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(message.length).map((length) => message.slice(0, length)),
    fc.tuple(fc.nat(message.length - 1), fc.nat(255)).map(([at, value]) => {
      const flipped = message.slice();
      flipped[at] = value;
      return flipped;
    }),
    fc.constant(Buffer.concat([message, message])),
  );

/** The message with one of its fields, at any depth, taken away or made something else. */
function spoilt(message: Record<string, unknown>): fc.Arbitrary<unknown> {
  const paths = pathsIn(message);
  return fc.tuple(fc.constantFrom(...paths), fc.option(anything, { nil: undefined })).map(([path, value]) => {
    const copy = structuredClone(message);
    let inner: Record<string, unknown> = copy;
    for (const key of path.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
    inner[path.at(-1) ?? ""] = value;
    return copy;
  });
}

function pathsIn(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...pathsIn(inner, [...path, key])]);
}

function encoded(value: unknown): Uint8Array | undefined {
  try {
    return codec.encode(value);
  } catch {
    return undefined;
  }
}

describe.each(kinds)("what comes as a %s", (type) => {
  const place = { token: "host", type };
  const good = codec.encode(whole[type]);

  it("is taken when it is one", () => {
    expect(readFromAgent(codec, place, good)).toMatchObject({ type, body: whole[type] });
  });

  it("is refused when it is damaged, or makes a message of the schema: never an error", () => {
    fc.assert(
      fc.property(fc.oneof(bytes(good), spoilt(whole[type]), anything), (given) => {
        const payload = given instanceof Uint8Array ? given : encoded(given);
        if (payload === undefined) return;
        const read = readFromAgent(codec, place, payload);
        if (read.type !== "refused") {
          expect(schemas[type].safeParse(read.body).success).toBe(true);
          expect(read.body.agent).toBe("host");
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("is refused with the reason", () => {
    const reasonOf = (message: unknown, token = "host") =>
      readFromAgent(codec, { token, type }, codec.encode(message)) as { reason?: string };
    expect(reasonOf({ ...whole[type], v: 2 }).reason).toBe("version");
    expect(reasonOf({ ...whole[type], v: "1" }).reason).toBe("malformed");
    expect(reasonOf(whole[type], "other").reason).toBe("identity");
    expect(reasonOf({ ...whole[type], more: "x".repeat(1024 * 1024) }).reason).toBe("oversized");
    expect(readFromAgent(codec, { token: "host", type: "order" }, good)).toMatchObject({
      reason: "malformed",
    });
  });
});

describe("bytes made to do harm", () => {
  const bombs: readonly (readonly [string, readonly number[]])[] = [
    ["nested arrays of 1 MiB", Array<number>(1024 * 1024).fill(0x91)],
    [
      "nested maps of 1 MiB",
      Array<number[]>(512 * 1024)
        .fill([0x81, 0xa0])
        .flat(),
    ],
    ["an array that says it is huge", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    [
      "arrays in arrays that say they are large",
      Array<number[]>(100).fill([0xdd, 0x01, 0xc9, 0xc3, 0x80]).flat(),
    ],
    ["a map that says it is huge", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["a string that says it is huge", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["bytes that say they are huge", [0xc6, 0xff, 0xff, 0xff, 0xff, 0x00]],
    ["an extension that says it is huge", [0xc9, 0xff, 0xff, 0xff, 0xff, 0x73]],
    ["a value that holds itself", [0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1]],
    [
      "an error of the other's making",
      [0xd4, 0x65, 0x00, 0x93, 0xa5, ...Buffer.from("Error"), 0xa1, 0x78, 0xc0],
    ],
  ];

  it.each(bombs)("are refused at once: %s", (_, bomb) => {
    const rssBefore = process.memoryUsage().rss;
    for (const type of kinds) {
      expect(readFromAgent(codec, { token: "host", type }, Uint8Array.from(bomb)).type).toBe("refused");
    }
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(200 * 1024 * 1024);
    expect(readFromAgent(codec, { token: "host", type: "bye" }, codec.encode(whole.bye)).type).toBe("bye");
  });
});

describe("what comes on the subject of a dependency result", () => {
  const subject = "millrace.test.dep.r.a";
  const utf8 = (text: string): Uint8Array => Buffer.from(text);

  it("is taken when it is the result of that job", () => {
    expect(readDependency("r", utf8(JSON.stringify(dependency)), subject)).toEqual(dependency);
    expect(readDependency("other", utf8(JSON.stringify(dependency)), subject)).toBeUndefined();
    expect(readDependency("r", utf8(JSON.stringify(dependency)), "millrace.test.dep.r.b")).toBeUndefined();
  });

  it("is refused when it is damaged, or makes a result: never an error", () => {
    const given = fc.oneof(bytes(utf8(JSON.stringify(dependency))), spoilt(dependency), fc.json());
    fc.assert(
      fc.property(given, (value) => {
        const payload =
          value instanceof Uint8Array
            ? value
            : utf8(typeof value === "string" ? value : JSON.stringify(value, noBigint));
        const read = readDependency("r", payload, subject);
        if (read !== undefined) expect(dependencyResultSchema.safeParse(read).success).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe.each(verbs)("a request of %s", (verb) => {
  it("is a command of the schema, or a badInput", () => {
    const graph = { inline: { jobs: [{ name: "a", run: { script: "true" } }] } };
    const near = { run: "r", job: "a", agent: "host", mode: "held", priority: 1, graph, offset: 0, limit: 5 };
    const given = fc.oneof(
      bytes(Buffer.from(JSON.stringify(near))),
      spoilt(near),
      fc.json(),
      fc.constant("[".repeat(400_000)),
    );
    fc.assert(
      fc.property(given, (value) => {
        const text = typeof value === "string" ? value : JSON.stringify(value, noBigint);
        const payload = value instanceof Uint8Array ? value : Buffer.from(text);
        try {
          const command = parseCommand(verb, payload);
          expect(api[verb].request.safeParse(command.request).success).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: "MillraceError", code: "badInput" });
        }
      }),
      { numRuns: 100 },
    );
  });
});

function noBigint(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
