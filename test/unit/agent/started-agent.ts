/** An agent on a simulated network with a host that does only what a test says, and what the agent tells. */
import { AgentActor, type AgentMessage } from "../../../agent/actors/agent-actor.ts";
import type { AttemptTools } from "../../../agent/actors/attempt-tools.ts";
import type { StopMode } from "../../../agent/core/stopping.ts";
import type { Exit } from "../../../agent/runners/runner.ts";
import { placeOf } from "../../../agent/workspaces/place.ts";
import type { Leftover } from "../../../agent/workspaces/workspaces.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import type { JobRequest, Order, Orders } from "../../../shared/model/messages.ts";
import { ActorWorld } from "../../support/actor-world.ts";

const subjects = new Subjects("test");
const codec = new MessageCodec();
const never = () => new Promise<never>(() => {});
export const place = placeOf("", "", 1);

/** A host on which everything takes for ever. */
export const slowTools: AttemptTools = {
  workspaces: { boot: "b", recordsId: "r", take: () => place, launching: () => {}, ending: () => {} },
  artifacts: { upload: never },
  graceMs: 1_000,
  hostIdentity: "debian 12 x86_64",
  answer: never,
  openLog: () => ({
    size: () => 0,
    isWhole: true,
    marks: undefined,
    close: () => 0,
    ship: never,
    stored: never,
  }),
  trouble: never,
  isDiskFull: () => false,
  prefetch: () => {},
  endPrefetch: () => {},
  fetch: never,
  launch: never,
  adopt: never,
  sweep: never,
  free: never,
};

interface Given {
  /** No coordinator answers. */
  readonly isAlone?: boolean;
  readonly requests?: readonly JobRequest[];
  readonly leftovers?: readonly Leftover[];
  readonly tools?: Partial<AttemptTools>;
  readonly slots?: number;
}

/** What an agent says, as far as tests look at it. */
export interface Said {
  readonly kind: string;
  readonly mode?: string;
  readonly items?: readonly { readonly kind: string; readonly lease: string }[];
  readonly held?: readonly { readonly lease: string }[];
}

/** An agent with one slot, or so many, that has been ordered to start these; what it says from then on. */
export async function startedAgent({
  isAlone = false,
  requests = [],
  leftovers = [],
  tools = {},
  slots = 1,
}: Given) {
  const world = new ActorWorld();
  const coordinator = world.network.connect("coordinator");
  const heard: Said[] = [];
  const stops: StopMode[] = [];
  let incarnation = "";
  coordinator.subscribe(subjects.fromAgentAll(), (payload, subject) => {
    const body = codec.decode(payload) as { incarnation: string };
    incarnation = body.incarnation;
    heard.push({ ...body, kind: subject.split(".").at(-1) ?? "" });
  });
  const node = world.node("agent");
  const agent = node.system.spawn<AgentMessage>(
    "agent",
    () =>
      new AgentActor({
        identity: {
          name: "a",
          capacity: { slots, cpu: 1, memoryBytes: 1 },
          labels: [],
          pool: "",
          host: { hostname: "h", platform: "linux", arch: "x64", pid: 1 },
          abilities: [],
          versions: { millrace: "0", node: "20", engine: null },
        },
        subjects,
        codec,
        tools: { ...slowTools, ...tools },
        leftovers,
        heartbeatMs: 2_000,
        readLoad: () => ({ load1: 0, freeMemoryBytes: 0 }),
        onStopped: (mode) => stops.push(mode),
      }),
  );
  await world.clock.advance(100);
  heard.length = 0;
  let number = 0;
  const send = (batch: Partial<Orders>) => {
    const orders = { v: 1, epoch: 1, incarnation, number, heartbeatMs: 2_000, orders: [], ...batch };
    coordinator.publish(subjects.toAgent("a"), codec.encode(orders));
  };
  const order = (...orders: Order[]) => {
    number += 1;
    send({ number, orders });
  };
  if (!isAlone) order(...requests.map((request) => ({ kind: "start" as const, request })));
  return { world, agent, heard, order, send, stops, node };
}

/** A command that ends when it is told to, or by a signal if it is one that obeys; with the signals that it was sent. */
export function command({ obeys }: { readonly obeys: boolean }) {
  const signals: string[] = [];
  let end: (exit: Exit) => void = () => undefined;
  const exit = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const usage = { wallMs: 1, cpuMs: null, peakMemoryBytes: null };
  const signal = (name: "TERM" | "KILL"): Promise<void> => {
    signals.push(name);
    if (obeys || name === "KILL") end({ kind: "signalled", signal: `SIG${name}`, usage });
    return Promise.resolve();
  };
  return { signals, execution: { exit, signal }, succeed: () => end({ kind: "exited", exitCode: 0, usage }) };
}

/** The order that lets an agent forget an attempt whose report is stored. */
export function settle({ run, job, attempt, lease }: JobRequest): Order {
  return { kind: "settle", run, job, attempt, lease };
}
