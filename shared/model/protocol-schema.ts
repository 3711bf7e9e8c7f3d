/** JSON Schemas of what tooling sees, made from the one definition of each. Readers ignore fields they don't know. */
import { z } from "zod";
import { api, apiFailureSchema, type Verb, verbs } from "./api.ts";
import { agentEventSchema, dependencyResultSchema, runEventSchema } from "./event.ts";
import { provenanceSchema } from "./provenance.ts";

/** One message of the event stream: `docs/schema/events.schema.json`. */
export function eventsJsonSchema(): object {
  return {
    ...jsonSchemaOf(z.array(z.union([runEventSchema, agentEventSchema]))),
    title: "Millrace events",
    description: "One durable message: the events of one commit, in order.",
  };
}

/** What is published on `dep.<run>.<job>`: `docs/schema/dependency-result.schema.json`. */
export function dependencyResultJsonSchema(): object {
  return {
    ...jsonSchemaOf(dependencyResultSchema),
    title: "Millrace dependency result",
    description: "What a job's dependants need to know of it.",
  };
}

/** What lies beside each artifact of a staging or release store: `docs/schema/provenance.schema.json`. */
export function provenanceJsonSchema(): object {
  return {
    ...jsonSchemaOf(provenanceSchema),
    title: "Millrace provenance",
    description: "How an artifact of a package came to be.",
  };
}

/** Request and reply of each verb under `$defs`: `docs/schema/api.schema.json`. */
export function apiJsonSchema(): object {
  const definitions = verbs.flatMap((verb) => [
    [`${verb}.request`, withoutDialect(api[verb].request)],
    [`${verb}.reply`, withoutDialect(replySchema(verb))],
  ]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Millrace control API",
    description: "Requests and replies on millrace.<namespace>.api.<verb>.",
    $defs: Object.fromEntries(definitions),
  };
}

function replySchema(verb: Verb): z.ZodType {
  return z.union([z.object({ ok: z.literal(true), result: api[verb].result }), apiFailureSchema]);
}

function withoutDialect(schema: z.ZodType): object {
  const { $schema: _dialect, ...definition } = jsonSchemaOf(schema);
  return definition;
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}
