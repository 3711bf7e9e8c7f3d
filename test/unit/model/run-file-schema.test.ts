import { expect, test } from "vitest";
import { runFileJsonSchema } from "../../../shared/model/run-file-schema.ts";

interface SchemaNode {
  readonly description?: string;
  readonly properties?: Record<string, SchemaNode>;
  readonly additionalProperties?: SchemaNode | false;
}

/** `npm run schema` updates the file. */
test("the published schema is the one of the definition", async () => {
  const text = `${JSON.stringify(runFileJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../../docs/schema/run-file.schema.json");
});

test("every key has a description for editors", () => {
  const { properties } = runFileJsonSchema() as SchemaNode;
  const job = properties?.jobs?.additionalProperties;
  if (properties === undefined || !job || job.properties === undefined)
    throw new Error("jobs have no schema");
  const undescribed = Object.entries({
    ...properties,
    ...properties.defaults?.properties,
    ...job.properties,
  })
    .filter(([, node]) => node.description === undefined)
    .map(([key]) => key);
  expect(undescribed).toEqual([]);
});

test("unknown keys are refused everywhere", () => {
  const text = JSON.stringify(runFileJsonSchema());
  const objects = text.match(/"properties":/g)?.length;
  expect(text.match(/"additionalProperties":false/g)?.length).toBe(objects);
});
