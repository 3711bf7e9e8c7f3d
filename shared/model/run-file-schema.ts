import { z } from "zod";
import { runFileSchema } from "./run-file.ts";

/** The JSON Schema of the run file for editors, made from its one definition. */
export function runFileJsonSchema(): Record<string, unknown> {
  return {
    ...jsonSchemaOf(runFileSchema),
    title: "Millrace run file",
    description: "A graph of jobs for Millrace.",
  };
}

function jsonSchemaOf(schema: z.core.$ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: complete });
}

/** What toJSONSchema leaves open or says at too great a length: maps, and the range of every integer. */
function complete({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  const { def } = zodSchema._zod;
  if (def.type !== "map") return;
  const { $schema: _keys, ...propertyNames } = jsonSchemaOf(def.keyType);
  const { $schema: _values, ...additionalProperties } = jsonSchemaOf(def.valueType);
  Object.assign(jsonSchema, { type: "object", propertyNames, additionalProperties });
}
