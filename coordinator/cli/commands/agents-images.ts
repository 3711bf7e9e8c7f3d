import { z } from "zod";
import { type Client, MillraceError } from "../../../shared/client/index.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { printAnswers } from "../agent-hosts/answer-listing.ts";
import { askAll, hostShape } from "../agent-hosts/asked-agents.ts";
import { withCluster } from "../cluster.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { readConfig } from "../package-repository.ts";

const schema = z.object({
  ...hostShape,
  action: z.enum(["list", "verify-present"]),
  images: z.array(z.string().min(1)).default([]),
  agent: z.array(z.string()).default([]),
  repo: z.string().min(1).optional(),
});
type Input = z.output<typeof schema>;

/** `millrace agents images`: which images the engines of agents have. */
export const command = defineCommand(schema, async (input, context) => {
  if (input.action === "list" && input.images.length > 0)
    throw new MillraceError("badInput", "`images list` takes no images", {
      fix: "Use `images verify-present` to ask for some.",
    });
  const wanted = input.action === "list" ? [] : await wantedImages(input, context);
  return await withCluster(input, context, (client) =>
    input.action === "list" ? list(client, input, context) : verify(client, wanted, input, context),
  );
});

async function list(client: Client, input: Input, { terminal }: CommandContext): Promise<number> {
  const { answered, status } = await askAll<"images">(client, terminal, input.agent, { kind: "images" });
  const images = answered.flatMap(({ agent, answer }) => answer.images.map((image) => ({ agent, ...image })));
  await printAnswers(terminal, input, {
    columns: [
      { title: "AGENT", maxWidth: 40 },
      { title: "IMAGE", maxWidth: 60 },
      { title: "DIGEST", maxWidth: 19 },
      { title: "SIZE", align: "right" },
      { title: "CREATED" },
    ],
    rows: images.map(({ agent, names, digest, bytes, createdAt }) => [
      agent,
      names.join(" ") || "-",
      digest,
      formatBytes(bytes),
      createdAt,
    ]),
    document: images,
  });
  for (const { agent, answer } of answered) {
    const unlisted = answer.total - answer.images.length;
    if (unlisted > 0) terminal.note(`agent ${agent}: ${unlisted} more images are not listed`);
  }
  return status;
}

async function verify(
  client: Client,
  images: readonly string[],
  input: Input,
  { terminal }: CommandContext,
): Promise<number> {
  const question = { kind: "findImages" as const, images: [...images] };
  const { answered, status } = await askAll<"findImages">(client, terminal, input.agent, question);
  const found = answered.flatMap(({ agent, answer }) => answer.images.map((image) => ({ agent, ...image })));
  await printAnswers(terminal, input, {
    columns: [{ title: "AGENT", maxWidth: 40 }, { title: "IMAGE", maxWidth: 60 }, { title: "DIGEST" }],
    rows: found.map(({ agent, image, digest }) => [agent, image, digest ?? "missing"]),
    document: found,
  });
  const missing = found.filter(({ digest }) => digest === null);
  for (const { agent, image, problem } of missing)
    terminal.note(`agent ${agent} lacks ${image}: ${problem ?? "it is not there"}`);
  if (missing.length > 0 || answered.length === 0) return exitCode.checkFailed;
  return status;
}

/** Those that are named, else those of the package repository. */
async function wantedImages(input: Input, context: CommandContext): Promise<readonly string[]> {
  const known = input.repo === undefined && input.images.length > 0 ? [] : await imagesOf(input, context);
  if (input.images.length === 0) return known.map(({ name }) => name);
  return input.images.map((wanted) => known.find(({ shortName }) => shortName === wanted)?.name ?? wanted);
}

async function imagesOf(input: Input, context: CommandContext) {
  const { images } = await readConfig(input, context);
  if (images !== undefined && images.length > 0) return images;
  throw new MillraceError("badInput", "the repository's configuration lists no images", {
    fix: "Name those to look for.",
  });
}
