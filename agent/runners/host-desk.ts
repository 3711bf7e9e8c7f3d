/** Answers what people ask of this host: how it is, its images, its containers. */
import { availableParallelism, hostname, release, totalmem } from "node:os";
import { z } from "zod";
import type {
  AgentAnswer,
  AgentQuestion,
  AgentRefusal,
  AnswerTo,
} from "../../shared/model/agent-question.ts";
import { asMillraceError } from "../../shared/model/error.ts";
import { runInContainer } from "./container-command.ts";
import type { Engine } from "./engine.ts";
import { askEngine, type EngineReply } from "./engine-command.ts";
import { countsOf, hostContainers, hostImages } from "./engine-listing.ts";
import { findImage } from "./image-digest.ts";

export interface HostDeskOptions {
  readonly engine: Engine | undefined;
  /** The agent's work folder: what carries it as a label is the agent's own. */
  readonly folder: string;
  /** Distribution and architecture. */
  readonly identity: string;
}

type Held = (attempt: string) => boolean;
type Answer = AgentAnswer | AgentRefusal;

/** More than the grace that a container is given, for an engine that is busy. */
const STOP_MARGIN_MS = 30_000;
/** A message holds no more. */
const MAX_PROBLEM_CHARS = 300;
const MAX_PROCESSES = 1000;
const MAX_DOCUMENT_CHARS = 256 * 1024;

export class HostDesk {
  readonly #options: HostDeskOptions;

  constructor(options: HostDeskOptions) {
    this.#options = options;
  }

  /** Never rejects: what can't be answered is refused, with the reason. */
  async answer(question: AgentQuestion, isHeld: Held): Promise<Answer> {
    const { engine } = this.#options;
    try {
      if (question.kind === "ping") return { kind: "ping" };
      if (question.kind === "stats") return await this.#stats();
      if (engine === undefined)
        return refused("unsupported", "this host has no container engine that answers");
      return await this.#askEngine(engine, question, isHeld);
    } catch (thrown) {
      const { message } = asMillraceError(thrown, "the question can't be answered");
      return refused("unavailable", message);
    }
  }

  async #askEngine(
    engine: Engine,
    question: Exclude<AgentQuestion, { kind: "ping" | "stats" }>,
    isHeld: Held,
  ): Promise<Answer> {
    const { folder } = this.#options;
    switch (question.kind) {
      case "images":
        return { kind: "images", ...(await hostImages(engine)) };
      case "findImages": {
        const find = async (image: string) => ({ image, ...(await findImage(engine, image)) });
        return { kind: "findImages", images: await Promise.all(question.images.map(find)) };
      }
      case "containers":
        return { kind: "containers", ...(await hostContainers(engine, folder, isHeld)) };
      case "stop":
        return { kind: "stop", results: await this.#stop(engine, question, isHeld) };
      case "remove":
        return { kind: "remove", results: await this.#remove(engine, question, isHeld) };
      case "top":
        return await top(engine, question.container);
      case "inspect":
        return await inspect(engine, question.container);
      case "exec":
        return await this.#exec(engine, question.container, question.argv);
    }
  }

  async #stats(): Promise<AnswerTo<"stats">> {
    const { engine, identity } = this.#options;
    const counts = engine === undefined ? undefined : await countsOf(engine);
    return {
      kind: "stats",
      engine: engine?.version ?? null,
      containers: counts?.containers ?? null,
      running: counts?.running ?? null,
      images: counts?.images ?? null,
      hostname: hostname(),
      kernel: release(),
      system: identity,
      processors: availableParallelism(),
      memoryBytes: totalmem(),
      at: new Date().toISOString(),
    };
  }

  /** The status of the command and that of an engine that refuses look the same: it is asked before. */
  async #exec(engine: Engine, name: string, argv: readonly string[]): Promise<Answer> {
    const { containers } = await hostContainers(engine, this.#options.folder, () => false, [name]);
    const [container] = containers;
    if (container === undefined) return refused("notFound", `there is no container ${name}`);
    if (!container.isRunning)
      return refused("conflict", `the container ${name} does not run: ${container.state}`);
    return await runInContainer(engine, container.id, argv);
  }

  async #stop(engine: Engine, question: Extract<AgentQuestion, { kind: "stop" }>, isHeld: Held) {
    const { graceMs } = question;
    const seconds = String(Math.round(graceMs / 1000));
    return await this.#eachAllowed(
      engine,
      question,
      isHeld,
      () => null,
      (id) => askEngine(engine.binary, ["stop", "-t", seconds, id], { timeoutMs: graceMs + STOP_MARGIN_MS }),
    );
  }

  /** Without `--force`: the engine refuses one that runs. */
  async #remove(engine: Engine, question: Extract<AgentQuestion, { kind: "remove" }>, isHeld: Held) {
    const objection = ({ isInUse }: { readonly isInUse: boolean }): string | null =>
      isInUse ? "the agent needs it to tell how its job has ended" : null;
    return await this.#eachAllowed(engine, question, isHeld, objection, (id) =>
      askEngine(engine.binary, ["rm", "--volumes", id]),
    );
  }

  /** Does it with those that may be touched; of the others says why not. */
  async #eachAllowed(
    engine: Engine,
    { containers, others }: { readonly containers: readonly string[]; readonly others: boolean },
    isHeld: Held,
    objection: (container: { readonly isInUse: boolean }) => string | null,
    act: (id: string) => Promise<EngineReply>,
  ): Promise<AnswerTo<"stop">["results"]> {
    const { containers: present } = await hostContainers(engine, this.#options.folder, isHeld, containers);
    return await Promise.all(
      containers.map(async (container) => {
        const matching = present.filter(({ id, name }) => name === container || id.startsWith(container));
        const exact = matching.find(({ id, name }) => name === container || id === container);
        const found = exact ?? (matching.length === 1 ? matching[0] : undefined);
        if (found === undefined) return { container, problem: "there is no such container" };
        if (!others && !found.isOwn) return { container, problem: "this agent has not made it" };
        const problem = objection(found);
        if (problem !== null) return { container, problem };
        const reply = await act(found.id);
        return { container, problem: reply.ok ? null : reply.words.slice(0, MAX_PROBLEM_CHARS) };
      }),
    );
  }
}

async function top(engine: Engine, container: string): Promise<Answer> {
  const reply = await askEngine(engine.binary, ["top", container]);
  if (!reply.ok) return refused("notFound", reply.words);
  const [heading = "", ...lines] = reply.answer.trimEnd().split("\n");
  const titles = heading.trim().split(/\s+/);
  // The last column is a command line, with blanks in it.
  const processes = lines.slice(0, MAX_PROCESSES).map((line) => {
    const words = line.trim().split(/\s+/);
    return [...words.slice(0, titles.length - 1), words.slice(titles.length - 1).join(" ")];
  });
  return { kind: "top", titles, processes };
}

async function inspect(engine: Engine, container: string): Promise<Answer> {
  const reply = await askEngine(engine.binary, ["inspect", "--type=container", container]);
  if (!reply.ok) return refused("notFound", reply.words);
  const [described] = z.array(z.unknown()).parse(JSON.parse(reply.answer));
  const document = JSON.stringify(described);
  if (document.length <= MAX_DOCUMENT_CHARS) return { kind: "inspect", document };
  return refused("unsupported", `what the engine says of it is of ${document.length} characters, too many`);
}

function refused(code: AgentRefusal["code"], message: string): AgentRefusal {
  return { kind: "refused", code, message: message.slice(0, 2000) };
}
