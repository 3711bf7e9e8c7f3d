/** What one `pkg.toml` may say. Nothing is required here: what a file leaves out, another above or below it says. */
import { z } from "zod";
import { schemaReader } from "../schema-reader.ts";

const notText = "must be text";

/** Numbers, booleans and dates are taken as text where text is wanted, as butido takes them. */
export const textValue = z.union([z.string(), z.number(), z.boolean()], notText).transform(String);

const names = z.array(textValue);

/** A list, or its only item. */
const oneOrMore = z.union([textValue, names]);

const condition = z.strictObject({
  has_env: oneOrMore.optional(),
  env_eq: z.map(z.string(), textValue).optional(),
  in_image: oneOrMore.optional(),
});

const dependency = z.union([
  z.string('must be a name and a version, such as "zlib =1.3"'),
  z.strictObject({ name: z.string(notText), condition: condition.optional() }),
]);

const url = z.string("must be a URL").refine((text) => URL.canParse(text), "must be a URL");

const source = z.strictObject({
  url: url.optional(),
  hash: z
    .strictObject({
      type: z.enum(["sha1", "sha256", "sha512"]).optional(),
      hash: textValue.optional(),
    })
    .optional(),
  download_manually: z.boolean("must be true or false").optional(),
});

const phase = z
  .strictObject({ script: z.string(notText).optional(), path: z.string(notText).optional() })
  .refine(({ script, path }) => script === undefined || path === undefined, {
    message: "must have a script or a path, not both",
  });

const packageLayerSchema = z.strictObject({
  name: textValue.optional(),
  version: textValue.optional(),
  version_is_semver: z.boolean("must be true or false").optional(),
  sources: z.map(z.string(), source).optional(),
  dependencies: z
    .strictObject({ build: z.array(dependency).optional(), runtime: z.array(dependency).optional() })
    .optional(),
  patches: names.optional(),
  environment: z.map(z.string(), textValue).optional(),
  allowed_images: names.optional(),
  denied_images: names.optional(),
  phases: z.map(z.string(), phase).optional(),
  meta: z.map(z.string(), textValue).optional(),
});

export type PackageLayer = z.output<typeof packageLayerSchema>;
export type DependencyEntry = z.output<typeof dependency>;
export type SourceLayer = z.output<typeof source>;

/** Words that people bring along for a key. */
const knownElsewhere = new Map([
  ["env", "environment"],
  ["source", "sources"],
  ["deps", "dependencies"],
  ["patch", "patches"],
  ["phase", "phases"],
  ["images", "allowed_images"],
]);

/** Reads the tree of one file. */
export const readPackageLayer = schemaReader(packageLayerSchema, "", knownElsewhere);
