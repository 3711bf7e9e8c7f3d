import { expect, test } from "vitest";
import {
  apiJsonSchema,
  dependencyResultJsonSchema,
  eventsJsonSchema,
  provenanceJsonSchema,
} from "../../../shared/model/protocol-schema.ts";

/** `npm run schema` updates the files. */
test.each([
  ["events", eventsJsonSchema()],
  ["dependency-result", dependencyResultJsonSchema()],
  ["api", apiJsonSchema()],
  ["provenance", provenanceJsonSchema()],
])("the published schema of %s is the one of the definition", async (name, schema) => {
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(`../../../docs/schema/${name}.schema.json`);
});

test("objects stay open, so that fields can be added", () => {
  const [event] = (eventsJsonSchema() as { items: { anyOf: { oneOf: object[] }[] } }).items.anyOf;
  for (const type of event?.oneOf ?? []) expect(type).not.toHaveProperty("additionalProperties");
});
