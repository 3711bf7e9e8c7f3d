/** The keys of butido's configuration. Each file may have any of them; what is required must be in one. */
import { z } from "zod";
import { schemaReader } from "../schema-reader.ts";
import { textValue } from "./package-layer.ts";

const names = z.array(textValue);
const count = z.int("must be a whole number").min(0, "must not be negative");
const flag = z.boolean("must be true or false");

const image = z.strictObject({ name: textValue, short_name: textValue.optional() });

const endpoint = z.strictObject({
  uri: textValue.optional(),
  endpoint_type: z.enum(["http", "socket"]).optional(),
  maxjobs: count.optional(),
  network_mode: textValue.optional(),
  timeout: count.optional(),
});

const configLayerSchema = z.strictObject({
  compatibility: textValue.optional(),
  log_dir: textValue.optional(),
  strict_script_interpolation: flag.optional(),
  progress_format: textValue.optional(),
  package_print_format: textValue.optional(),
  build_error_lines: count.optional(),
  script_highlight_theme: textValue.optional(),
  script_linter: textValue.optional(),
  shebang: textValue.optional(),
  releases_root: textValue.optional(),
  release_stores: names.min(1, "must name at least one store").optional(),
  staging: textValue.optional(),
  source_cache: textValue.optional(),
  database_host: textValue.optional(),
  database_port: count.optional(),
  database_user: textValue.optional(),
  database_password: textValue.optional(),
  database_name: textValue.optional(),
  database_connection_timeout: count.optional(),
  database_default_query_limit: count.optional(),
  available_phases: names.min(1, "must name at least one phase").optional(),
  docker: z
    .strictObject({
      images: z.array(image).optional(),
      docker_versions: names.optional(),
      docker_api_versions: names.optional(),
      endpoints: z.map(z.string(), endpoint).optional(),
    })
    .optional(),
  containers: z
    .strictObject({
      check_env_names: flag.optional(),
      allowed_env: names.optional(),
      git_author: textValue.optional(),
      git_commit_hash: textValue.optional(),
    })
    .optional(),
});

export type ConfigLayer = z.output<typeof configLayerSchema>;

/** The keys of the top level, as variables may set them. */
export const configKeys: readonly string[] = Object.keys(configLayerSchema.shape);

/** Reads the tree of one file. */
export const readConfigLayer = schemaReader(configLayerSchema, "", new Map());
