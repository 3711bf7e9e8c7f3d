import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readFromAgent } from "../../../coordinator/actors/agent-message.ts";
import { parseCommand } from "../../../coordinator/actors/api.ts";
import { readDependency } from "../../../coordinator/actors/dependency-message.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { api, type Verb } from "../../../shared/model/api.ts";
import { agentEventSchema, dependencyResultSchema, runEventSchema } from "../../../shared/model/event.ts";
import {
  byeSchema,
  heartbeatSchema,
  helloSchema,
  ordersSchema,
  reportSchema,
} from "../../../shared/model/messages.ts";
import { type JsonSchema, refusals } from "../../support/schema-compatibility.ts";

const folder = join(import.meta.dirname, "../../fixtures/protocol/0.1");
const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));

/** What passed NATS while a coordinator and an agent of 0.1 carried out two runs. */
const recorded = read("messages.json") as { readonly subject: string; readonly base64: string }[];
/** What 0.1 makes of each message as its reader, and what it may say as its writer. */
const schemasOf01 = read("schemas.json") as Record<string, Record<"reader" | "writer", JsonSchema>>;

const today: Record<string, z.ZodType> = {
  hello: helloSchema,
  heartbeat: heartbeatSchema,
  report: reportSchema,
  bye: byeSchema,
  orders: ordersSchema,
  dependency: dependencyResultSchema,
  runEvent: runEventSchema,
  agentEvent: agentEventSchema,
};
for (const [verb, { request, result }] of Object.entries(api)) {
  today[`${verb}.request`] = request;
  today[`${verb}.result`] = result;
}

function schemaOf(name: string, io: "input" | "output"): JsonSchema {
  const schema = today[name];
  if (schema === undefined) throw new Error(`there is no ${name} any more`);
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as JsonSchema;
}

/** What is said only to those who have said that they know it, or to refuse it is right: nobody else could do it. */
const agreed: Record<string, readonly string[]> = {
  report: ['.items[]: "progress" is not known'],
  orders: [
    ".orders[].request.spec.marks: is not expected",
    ".orders[].request.spec.layout: is not expected",
    ".orders[].request.spec.files: is not expected",
    ".orders[].request.spec.run: object of program is not known",
    '.orders[]: "ask" is not known',
  ],
  "submit.request": [
    ".graph.inline.jobs[].layout: is not expected",
    ".graph.inline.jobs[].files: is not expected",
    ".graph.inline.jobs[].marks: is not expected",
    ".graph.inline.jobs[].reuse: is not expected",
    ".graph.inline.jobs[].run: object of program is not known",
  ],
};

/** Readers of events leave out those of a type they don't know. */
const isUnknownEvent = (refusal: string) => /^: ".*" is not known$/.test(refusal);

describe("what an agent, a coordinator and tooling of 0.1 have said", () => {
  const codec = new MessageCodec();

  it.each(recorded.map(({ subject, base64 }) => [subject, base64] as const))(
    "is understood: %s",
    (subject, base64) => {
      const payload = new Uint8Array(Buffer.from(base64, "base64"));
      const [, , area = "", ...rest] = subject.split(".");
      const json = (): unknown => JSON.parse(Buffer.from(payload).toString());
      if (area === "api") expect(parseCommand(rest[0] as Verb, payload).verb).toBe(rest[0]);
      else if (area === "dep") expect(readDependency(rest[0] ?? "", payload, subject)).toBeDefined();
      else if (area === "_" && rest[0] === "from") {
        const [, token = "", type = ""] = rest;
        expect(readFromAgent(codec, { token, type }, payload).type).toBe(type);
      } else if (area === "_") ordersSchema.parse(codec.decode(payload));
      else {
        const schema = z.array(area === "run" ? runEventSchema : agentEventSchema);
        expect(schema.parse([json()].flat()).length).toBeGreaterThan(0);
      }
    },
  );
});

describe.each(Object.keys(schemasOf01))("a message %s", (name) => {
  const old = schemasOf01[name];
  if (old === undefined) throw new Error(name);

  it("of 0.1 is understood today", () => {
    expect(refusals(old.writer, schemaOf(name, "input"))).toEqual([]);
  });

  it("of today is understood by 0.1", () => {
    const refused = refusals(schemaOf(name, "output"), old.reader);
    const unexpected = refused.filter((refusal) => !name.endsWith("Event") || !isUnknownEvent(refusal));
    expect(unexpected).toEqual(agreed[name] ?? []);
  });
});

describe("the comparison of two versions", () => {
  const schema = (type: z.ZodType): JsonSchema => z.toJSONSchema(type, { io: "input" }) as JsonSchema;
  const small = z.object({ kind: z.literal("a"), size: z.enum(["s", "m"]) });
  const differs = (writer: z.ZodType, reader: z.ZodType) =>
    refusals(schema(writer), schema(reader)).length > 0;

  it("finds what a reader would refuse", () => {
    expect(differs(small.extend({ size: z.enum(["s", "m", "l"]) }), small)).toBe(true);
    expect(differs(small.extend({ size: z.string() }), small)).toBe(true);
    expect(differs(small.extend({ size: z.enum(["s"]).optional() }), small)).toBe(true);
    expect(differs(z.union([small, z.object({ kind: z.literal("b") })]), small)).toBe(true);
    expect(differs(z.array(small.extend({ more: z.number() })), z.array(z.strictObject(small.shape)))).toBe(
      true,
    );
    expect(differs(z.object({ n: z.number().max(9) }), z.object({ n: z.number().max(8) }))).toBe(true);
    expect(differs(z.object({ n: z.number().nullable() }), z.object({ n: z.number() }))).toBe(true);
  });

  it("lets pass what a reader ignores or takes as well", () => {
    expect(differs(small, small)).toBe(false);
    expect(differs(small.extend({ more: z.number() }), small)).toBe(false);
    expect(differs(small, small.extend({ more: z.number().optional() }))).toBe(false);
    expect(differs(small, z.union([small, z.object({ kind: z.literal("b") })]))).toBe(false);
    expect(differs(z.object({ n: z.int() }), z.object({ n: z.number().nullable() }))).toBe(false);
  });
});
