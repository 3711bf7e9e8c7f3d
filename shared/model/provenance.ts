/**
 * How an artifact of a package came to be: all that went into it, so that it can be judged, and made again, where no
 * cluster remembers its run. It lies as JSON beside the artifact's files; `docs/schema/provenance.schema.json`.
 */
import { z } from "zod";
import { digestSchema, pairsSchema } from "./job-spec.ts";
import { artifactSchema, ranOnSchema } from "./outcome.ts";

const fileSchema = z.object({
  type: z.literal("file"),
  /** Relative to the store it is in. */
  path: z.string(),
  executable: z.boolean(),
  size: z.number().int().min(0),
  sha256: digestSchema,
});
const linkSchema = z.object({ type: z.literal("link"), path: z.string(), target: z.string() });
const storedFileSchema = z.discriminatedUnion("type", [fileSchema, linkSchema]);
export type StoredFile = z.infer<typeof storedFileSchema>;

const packageVersionSchema = z.object({ name: z.string(), version: z.string() });
export type PackageVersion = z.infer<typeof packageVersionSchema>;

const timeSchema = z.iso.datetime({ offset: true });

export const provenanceSchema = z.object({
  v: z.literal(1),
  package: packageVersionSchema,
  artifact: artifactSchema,
  files: z.array(storedFileSchema),
  /** The attempt that made it; of an artifact that was reused, the one that made it first. */
  made: z.object({
    run: z.string(),
    job: z.string(),
    attempt: z.number().int().min(1),
    /** Null, as the times, where the run that made it is no longer known. */
    agent: z.string().nullable(),
    startedAt: timeSchema.nullable(),
    endedAt: timeSchema.nullable(),
  }),
  /** Name of the image as it was asked for; null without one. */
  image: z.string().nullable(),
  /** Where it really ran: digest of an image, or the identity of a host; null where nobody told. */
  ranOn: ranOnSchema.nullable(),
  /** It succeeded, though no line of its log says so. */
  implicit: z.boolean(),
  script: z.object({ sha256: digestSchema, text: z.string() }),
  environment: pairsSchema,
  sources: z.array(
    z.object({
      id: z.string(),
      url: z.string(),
      hash: z.object({ type: z.enum(["sha1", "sha256", "sha512"]), hash: z.string() }),
    }),
  ),
  patches: z.array(z.object({ path: z.string(), sha256: digestSchema })),
  /** Artifacts of the packages that it needs in the first place; where `graph` is null, of all that it needs. */
  inputs: z.array(z.object({ package: packageVersionSchema, artifact: digestSchema })),
  /**
   * SHA-256 of the file `.millrace/graphs/<sha256>.json` of the store, by which the job is found there with all that it
   * saw: the artifacts of what it needed, directly or not. Null in what version 0.1 wrote.
   */
  graph: digestSchema.nullable().default(null),
  /** Commit of the package repository; null where it is none of git's, or had changes that were not committed. */
  commit: z.string().nullable(),
  /** Version of Millrace. */
  millrace: z.string(),
  /** Of a released artifact. */
  release: z.object({ store: z.string(), run: z.string(), at: timeSchema }).nullable(),
});
export type Provenance = z.infer<typeof provenanceSchema>;

/** What a build was made of, and what needed what. Artifacts of one build share it. */
export const builtGraphSchema = z.object({
  v: z.literal(1),
  jobs: z.array(
    z.object({
      /** As `made.job` of what this very build has made. */
      job: z.string(),
      package: packageVersionSchema,
      /** Null where there is none. */
      artifact: digestSchema.nullable(),
      /** Positions in this list of what it needs in the first place. */
      needs: z.array(z.number().int().min(0)),
    }),
  ),
});
export type BuiltGraph = z.infer<typeof builtGraphSchema>;
