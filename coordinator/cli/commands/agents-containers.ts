import { z } from "zod";
import { type Client, MillraceError } from "../../../shared/client/index.ts";
import { printAnswers } from "../agent-hosts/answer-listing.ts";
import { askAll, hostShape } from "../agent-hosts/asked-agents.ts";
import { chooseContainers, containerNamed, type FoundContainer } from "../agent-hosts/container-choice.ts";
import { withCluster } from "../cluster.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { durationValue, momentValue, wholeNumber } from "../option-values.ts";
import { confirm } from "../question.ts";

const schema = z.object({
  ...hostShape,
  action: z.enum(["list", "stop", "prune", "top", "inspect", "exec"]),
  words: z.array(z.string()).default([]),
  agent: z.array(z.string()).default([]),
  all: z.boolean().default(false),
  listStopped: z.boolean().default(false),
  image: z.string().min(1).optional(),
  olderThan: momentValue.optional(),
  newerThan: momentValue.optional(),
  grace: durationValue.refine((ms) => ms <= 600_000, "must be 10m at most").default(10_000),
  limit: wholeNumber(1, 100_000).optional(),
  yes: z.boolean().default(false),
});
type Input = z.output<typeof schema>;

interface Scene {
  readonly client: Client;
  readonly input: Input;
  readonly context: CommandContext;
  readonly containers: readonly FoundContainer[];
  /** 0, or 3 when an agent did not answer. */
  readonly status: number;
}

/** `millrace agents containers`: those of agents' hosts; without names or `--all` only what the agents have made. */
export const command = defineCommand(schema, async (input, context) => {
  if (input.action === "inspect" || input.action === "exec") requireWords(input);
  return await withCluster(input, context, async (client) => {
    const round = await askAll<"containers">(client, context.terminal, input.agent, { kind: "containers" });
    const containers = round.answered.flatMap(({ agent: onAgent, answer }) =>
      answer.containers.map((container) => ({ ...container, onAgent })),
    );
    for (const { agent, answer } of round.answered) {
      const unlisted = answer.total - answer.containers.length;
      if (unlisted > 0)
        context.terminal.note(`agent ${agent}: ${unlisted} more containers are not looked at`);
    }
    return await actions[input.action]({ client, input, context, containers, status: round.status });
  });
});

const actions: Readonly<Record<Input["action"], (scene: Scene) => Promise<number>>> = {
  list,
  stop: (scene) => change(scene, "stop"),
  prune: (scene) => change(scene, "remove"),
  top,
  inspect,
  exec,
};

async function list(scene: Scene): Promise<number> {
  const chosen = chosenBy(scene, scene.input.listStopped ? undefined : true);
  await printAnswers(scene.context.terminal, scene.input, {
    columns: [
      { title: "AGENT", maxWidth: 40 },
      { title: "CONTAINER", maxWidth: 12 },
      { title: "NAME", maxWidth: 30 },
      { title: "IMAGE", maxWidth: 40 },
      { title: "STATE" },
      { title: "CREATED" },
      { title: "RUN" },
    ],
    rows: chosen.map(({ onAgent, id, name, image, state, createdAt, run }) => [
      onAgent,
      id,
      name,
      image,
      state,
      createdAt,
      run ?? "-",
    ]),
    document: chosen,
  });
  return scene.status;
}

/** Shows what is meant, asks, and does it. */
async function change(scene: Scene, kind: "stop" | "remove"): Promise<number> {
  const { input, context } = scene;
  const { terminal } = context;
  const chosen = chosenBy(scene, kind === "stop");
  if (chosen.length === 0) {
    terminal.note(kind === "stop" ? "no such container runs" : "there is no such container that has ended");
    if (input.json) await printAnswers(terminal, input, { columns: [], rows: [], document: [] });
    return scene.status;
  }
  const word = kind === "stop" ? "Stop" : "Remove";
  for (const { onAgent, id, name, image, run } of chosen)
    terminal.note(`${onAgent}: ${id.slice(0, 12)} ${name}, ${image}${run === null ? "" : `, of run ${run}`}`);
  const count = chosen.length === 1 ? "this container" : `these ${chosen.length} containers`;
  if (!input.yes && !(await confirm(`${word} ${count}?`, context.interruption, { consent: "--yes" }))) {
    terminal.note("nothing was changed");
    return exitCode.checkFailed;
  }
  const results = await carryOut(scene, kind, chosen);
  await printAnswers(terminal, input, {
    columns: [{ title: "AGENT", maxWidth: 40 }, { title: "CONTAINER", maxWidth: 12 }, { title: "RESULT" }],
    rows: results.map(({ agent, container, problem }) => [
      agent,
      container,
      problem ?? (kind === "stop" ? "stopped" : "removed"),
    ]),
    document: results,
  });
  return results.some(({ problem }) => problem !== null) ? exitCode.checkFailed : scene.status;
}

async function carryOut(
  { client, input }: Scene,
  kind: "stop" | "remove",
  chosen: readonly FoundContainer[],
) {
  const agents = [...new Set(chosen.map(({ onAgent }) => onAgent))];
  const others = input.all || input.words.length > 0;
  const results = await Promise.all(
    agents.map(async (agent) => {
      const containers = chosen.filter(({ onAgent }) => onAgent === agent).map(({ id }) => id);
      const answer =
        kind === "stop"
          ? await client.ask<"stop">(agent, { kind, containers, others, graceMs: input.grace })
          : await client.ask<"remove">(agent, { kind, containers, others });
      return answer.results.map((result) => ({ agent, ...result }));
    }),
  );
  return results.flat();
}

async function top(scene: Scene): Promise<number> {
  const { client, input, context } = scene;
  const tops = await Promise.all(
    chosenBy(scene, true).map(async ({ onAgent, id, name }) => {
      const { titles, processes } = await client.ask<"top">(onAgent, { kind: "top", container: id });
      return { agent: onAgent, container: id, name, titles, processes: processes.slice(0, input.limit) };
    }),
  );
  const titles = tops[0]?.titles ?? [];
  await printAnswers(context.terminal, input, {
    columns: [
      { title: "AGENT", maxWidth: 40 },
      { title: "CONTAINER", maxWidth: 12 },
      ...titles.map((title) => ({ title })),
    ],
    rows: tops.flatMap(({ agent, container, processes }) =>
      processes.map((process) => [agent, container, ...process]),
    ),
    document: tops,
  });
  return scene.status;
}

/** As JSON, as the engine has it. */
async function inspect({ client, input, context, containers, status }: Scene): Promise<number> {
  const documents = await Promise.all(
    input.words.map(async (name) => {
      const { onAgent, id } = containerNamed(containers, name);
      const { document } = await client.ask<"inspect">(onAgent, { kind: "inspect", container: id });
      return JSON.parse(document) as unknown;
    }),
  );
  await context.terminal.print(JSON.stringify(documents, null, 2));
  return status;
}

/** Ends as the command does. */
async function exec({ client, input, context, containers }: Scene): Promise<number> {
  const { terminal } = context;
  const [name = "", ...argv] = input.words;
  const { onAgent, id } = containerNamed(containers, name);
  const answer = await client.ask<"exec">(onAgent, { kind: "exec", container: id, argv });
  if (input.json) {
    const { kind: _kind, ...outcome } = answer;
    await terminal.print(JSON.stringify({ agent: onAgent, container: id, ...outcome }, null, 2));
    return answer.exitCode;
  }
  await terminal.write(answer.stdout);
  if (answer.stderr !== "") terminal.note(answer.stderr.replace(/\n$/, ""));
  if (answer.isCut) terminal.note("the output was longer; the rest is left out");
  return answer.exitCode;
}

function chosenBy({ input, containers }: Scene, running: boolean | undefined): FoundContainer[] {
  const nowMs = Date.now();
  return chooseContainers(containers, {
    named: input.words,
    all: input.all,
    image: input.image,
    createdBefore: input.olderThan?.(nowMs),
    createdAfter: input.newerThan?.(nowMs),
    running,
  });
}

function requireWords({ action, words }: Input): void {
  if (words.length >= (action === "exec" ? 2 : 1)) return;
  const usage =
    action === "exec" ? "containers exec <container> -- <command>..." : "containers inspect <container>...";
  throw new MillraceError(
    "badInput",
    `${action} needs a container${action === "exec" ? " and a command" : ""}`,
    {
      fix: `Write: millrace agents ${usage}`,
    },
  );
}
