/** What an engine has on this host: how many containers and images, and which. */
import { z } from "zod";
import type { AnswerTo, HostContainer } from "../../shared/model/agent-question.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { label } from "./container-arguments.ts";
import type { Engine } from "./engine.ts";
import { askEngine } from "./engine-command.ts";
import { imageDigest } from "./image-digest.ts";

/** An answer fits into a message. */
const MAX_LISTED = 1000;
const MAX_NAMES = 20;

const countsSchema = z.object({ containers: z.number(), running: z.number(), images: z.number() });

/** How many there are of each. */
export async function countsOf(engine: Engine): Promise<z.infer<typeof countsSchema>> {
  const format =
    engine.kind === "docker"
      ? '{"containers":{{.Containers}},"running":{{.ContainersRunning}},"images":{{.Images}}}'
      : '{"containers":{{.Store.ContainerStore.Number}},"running":{{.Store.ContainerStore.Running}},"images":{{.Store.ImageStore.Number}}}';
  const [line = ""] = await linesOf(engine, ["info", "--format", format]);
  return countsSchema.parse(JSON.parse(line));
}

const containerSchema = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.string(),
  isRunning: z.boolean(),
  createdAt: z.string(),
  labels: z.record(z.string(), z.string()).nullable(),
});
/** Podman 4 knows `.Id` only where it stands alone. */
const idField = '"id":"{{.Id}}"';
const containerFormat =
  `{${idField},"name":{{json .Name}},"image":{{json .Config.Image}},"state":{{json .State.Status}},` +
  '"isRunning":{{json .State.Running}},"createdAt":{{json .Created}},"labels":{{json .Config.Labels}}}';

/** All containers, or those that these names and ids may mean, the latest first. */
export async function hostContainers(
  engine: Engine,
  folder: string,
  isHeld: (attempt: string) => boolean,
  named?: readonly string[],
): Promise<{ total: number; containers: HostContainer[] }> {
  const ids = named ?? (await linesOf(engine, ["ps", "--all", "--quiet", "--no-trunc"]));
  const described = await describe(engine, "container", containerFormat, ids.slice(0, MAX_LISTED));
  const containers = described.map((line): HostContainer => {
    const { labels, name, ...container } = containerSchema.parse(line);
    const attempt = labels?.[label.attempt];
    return {
      ...container,
      name: name.replace(/^\//, ""),
      agent: labels?.[label.agent] ?? null,
      run: labels?.[label.run] ?? null,
      isOwn: labels?.[label.folder] === folder,
      isInUse: attempt !== undefined && isHeld(attempt),
    };
  });
  return { total: ids.length, containers };
}

const imageSchema = z.object({
  id: z.string(),
  names: z.array(z.string()).nullable(),
  bytes: z.number(),
  createdAt: z.string(),
});
const imageFormat = `{${idField},"names":{{json .RepoTags}},"bytes":{{json .Size}},"createdAt":{{json .Created}}}`;

/** All images that are no layer of others. */
export async function hostImages(engine: Engine): Promise<Omit<AnswerTo<"images">, "kind">> {
  const ids = [...new Set(await linesOf(engine, ["image", "ls", "--quiet", "--no-trunc"]))];
  const described = await describe(engine, "image", imageFormat, ids.slice(0, MAX_LISTED));
  const images = described.map((line) => {
    const { id, names, ...image } = imageSchema.parse(line);
    return { digest: imageDigest(id), names: (names ?? []).slice(0, MAX_NAMES), ...image };
  });
  return { total: ids.length, images };
}

/** Those that are gone meanwhile are left out. */
async function describe(
  engine: Engine,
  type: "container" | "image",
  format: string,
  ids: readonly string[],
): Promise<unknown[]> {
  if (ids.length === 0) return [];
  const { answer } = await askEngine(engine.binary, [
    "inspect",
    `--type=${type}`,
    "--format",
    format,
    ...ids,
  ]);
  return answer
    .split("\n")
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
}

async function linesOf(engine: Engine, args: readonly string[]): Promise<string[]> {
  const reply = await askEngine(engine.binary, args);
  if (reply.ok) return reply.answer.split("\n").filter(Boolean);
  throw new MillraceError("unavailable", `${engine.kind} does not answer: ${reply.words}`);
}
