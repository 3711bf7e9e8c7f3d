/** The container engine of this host: which one there is, its version, and how it maps users. */
import { access, constants } from "node:fs/promises";
import { basename, delimiter, resolve } from "node:path";
import { z } from "zod";
import { askEngine } from "./engine-command.ts";

const DETECTION_TIMEOUT_MS = 10_000;

export type EngineKind = "docker" | "podman";

export interface Engine {
  readonly kind: EngineKind;
  /** Path of the command line. */
  readonly binary: string;
  /** `docker 20.10.24`. */
  readonly version: string;
  /** Options of `create` that make a job's files belong to the agent's user. */
  readonly userOptions: readonly string[];
  /** Those that make the job root in its container, where its files are not the host's. */
  readonly rootOptions: readonly string[];
  /** Its volumes can be folders of this host, one over the other. */
  readonly laysOver: boolean;
}

/**
 * The engine to use: the preferred one, else `MILLRACE_CONTAINER_ENGINE`, else docker, else podman; a name or a path,
 * `none` for no engine. Undefined when there is none or it does not answer. Costs no process where none is installed.
 */
export async function detectEngine(
  preferred: string | undefined = process.env.MILLRACE_CONTAINER_ENGINE,
): Promise<Engine | undefined> {
  if (preferred === "none") return undefined;
  for (const name of preferred ? [preferred] : ["docker", "podman"]) {
    const binary = await findExecutable(name);
    const engine = binary === undefined ? undefined : await probe(binary);
    if (engine !== undefined) return engine;
  }
  return undefined;
}

/** Does the engine answer now? */
export async function engineAnswers(engine: Engine): Promise<boolean> {
  return (await probe(engine.binary)) !== undefined;
}

const dockerInfoSchema = z.object({ version: z.string().min(1), security: z.array(z.string()).nullable() });
const podmanInfoSchema = z.object({ version: z.string().min(1), rootless: z.boolean() });

async function probe(binary: string): Promise<Engine | undefined> {
  const kind: EngineKind = basename(binary).includes("podman") ? "podman" : "docker";
  const format =
    kind === "docker"
      ? '{"version":{{json .ServerVersion}},"security":{{json .SecurityOptions}}}'
      : '{"version":{{json .Version.Version}},"rootless":{{json .Host.Security.Rootless}}}';
  const reply = await askEngine(binary, ["info", "--format", format], { timeoutMs: DETECTION_TIMEOUT_MS });
  if (!reply.ok) return undefined;
  const facts = kind === "docker" ? dockerFacts(reply.answer) : podmanFacts(reply.answer);
  if (facts === undefined) return undefined;
  const version = /^[0-9.]+/.exec(facts.version)?.[0] ?? facts.version;
  return { kind, binary, ...facts, version: `${kind} ${version}` };
}

type Facts = Pick<Engine, "version" | "userOptions" | "rootOptions" | "laysOver">;

const ROOT = "--user=0:0";

function dockerFacts(answer: string): Facts | undefined {
  const info = dockerInfoSchema.safeParse(parseJson(answer));
  if (!info.success) return undefined;
  const security = info.data.security ?? [];
  // Rootless: the root of a container is the user outside, and nobody else is.
  if (security.some((option) => option.startsWith("name=rootless"))) {
    return { version: info.data.version, userOptions: [ROOT], rootOptions: [ROOT], laysOver: false };
  }
  // A daemon that remaps users would hand the files to one that the agent can't remove.
  const remapped = security.some((option) => option.startsWith("name=userns")) ? ["--userns=host"] : [];
  return {
    version: info.data.version,
    userOptions: [...callerOption(), ...remapped],
    rootOptions: [ROOT, ...remapped],
    laysOver: true,
  };
}

function podmanFacts(answer: string): Facts | undefined {
  const info = podmanInfoSchema.safeParse(parseJson(answer));
  if (!info.success) return undefined;
  const userns = info.data.rootless ? ["--userns=keep-id"] : [];
  // Root in a rootless container is the user outside.
  return {
    version: info.data.version,
    userOptions: [...callerOption(), ...userns],
    rootOptions: [ROOT],
    laysOver: false,
  };
}

function callerOption(): string[] {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return uid === undefined || gid === undefined ? [] : [`--user=${uid}:${gid}`];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not what an engine answers: the schema refuses undefined like any other wrong shape.
    return undefined;
  }
}

async function findExecutable(name: string): Promise<string | undefined> {
  const folders = name.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const folder of folders) {
    const path = resolve(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return undefined;
}
