/**
 * Where requests of the API are answered, whichever coordinator they came to.
 *
 *   leading   the coordinator actor's reply, once the journal has said that nobody has claimed a higher epoch
 *   standby   what the journal alone tells, once it is followed as far as it went at the request (`standby-reads.ts`);
 *             all else is passed on to the leader
 *   neither   passed on
 *
 * Safe: 1. an answer is never older than a command that was answered before its request, whoever gave that answer: a
 * leader reads the last claim after it has its reply, a standby the journal's end before. So a leader that was paused
 * or cut off answers nothing. Live: 2. what gets no answer is tried again, by what this coordinator is then, until its
 * time is up: the next leader answers what the last one left. A command may be handled twice by that, which every
 * command allows.
 */
import { z } from "zod";
import { AskError } from "../../shared/actor/actor-error.ts";
import type { Cancel, Clock, Codec } from "../../shared/actor/contract.ts";
import type { ActorSystem } from "../../shared/actor/system.ts";
import type { RequestLine } from "../../shared/bus/request-line.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import { type Verb, verbs } from "../../shared/model/api.ts";
import { asMillraceError, type ErrorCode, MillraceError } from "../../shared/model/error.ts";
import { FreshReading } from "../journal/fresh-reading.ts";
import type { Journal } from "../journal/journal.ts";
import { parseCommand, replyBytes } from "./api.ts";
import type { Command, CoordinatorMessage, Reply } from "./messages.ts";
import type { StandbyReads } from "./standby-reads.ts";
import type { Standing } from "./standing.ts";
import { within } from "./time-limit.ts";

export interface ApiDeskOptions {
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly line: RequestLine;
  readonly subjects: Subjects;
  readonly reads: StandbyReads;
  /** The journal holds a claim of this epoch. */
  readonly onEpochSeen: (epoch: number) => void;
}

const REPLY_TIMEOUT_MS = 60_000;
/** A request to the leader may be lost on its way. */
const PASS_ON_TIMEOUT_MS = 5_000;
const AGAIN_MS = 50;
const STATUS_WAIT_MS = 1_000;

/** What the leader answers to a standby. */
const passedBackSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("reply"), reply: z.instanceof(Uint8Array) }),
  z.object({ kind: z.literal("refusal"), code: z.string(), message: z.string(), fix: z.string().optional() }),
  z.object({ kind: z.literal("notLeading") }),
]);
type PassedBack =
  /** As the caller gets it. */
  | { readonly kind: "reply"; readonly reply: Uint8Array }
  | { readonly kind: "refusal"; readonly code: string; readonly message: string; readonly fix?: string }
  /** It has found out that it leads no more. */
  | { readonly kind: "notLeading" };

type Leading = Extract<Standing, { kind: "leading" }>;

export class ApiDesk {
  readonly #options: ApiDeskOptions;
  readonly #lastEpoch: FreshReading<number>;
  readonly #answering = new Set<Promise<Uint8Array>>();
  #standing: Standing = { kind: "neither" };
  #stopServing: Cancel | undefined;

  constructor(options: ApiDeskOptions) {
    this.#options = options;
    this.#lastEpoch = new FreshReading(() => options.journal.lastEpoch());
  }

  /** A leader takes what standbys pass on, too. */
  onStanding(standing: Standing): void {
    const { line, subjects } = this.#options;
    this.#standing = standing;
    this.#stopServing?.();
    this.#stopServing = undefined;
    if (standing.kind !== "leading") return;
    this.#stopServing = line.serve(subjects.leaderApi("*"), (request, subject) =>
      this.#answerPassedOn(standing, subject.slice(subject.lastIndexOf(".") + 1), request),
    );
  }

  /** The reply as the caller gets it; a refusal is thrown as a MillraceError. */
  async answer(verb: Verb, request: Uint8Array): Promise<Uint8Array> {
    const answering = this.#answer(this.#parse(verb, request), request);
    this.#answering.add(answering);
    try {
      return await answering;
    } finally {
      this.#answering.delete(answering);
    }
  }

  /** Resolves when all that was asked so far is answered; after its end that is the next leader's to do. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#answering);
  }

  async #answer(command: Command, request: Uint8Array): Promise<Uint8Array> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + REPLY_TIMEOUT_MS;
    for (;;) {
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) {
        throw new MillraceError("timeout", `nobody has led in time to answer \`${command.verb}\``, {
          fix: "See the logs of the coordinators, and try again.",
        });
      }
      const reply = await this.#tryOnce(command, request, leftMs);
      if (reply !== undefined) return reply;
      await new Promise<void>((resolve) => clock.schedule(AGAIN_MS, resolve));
    }
  }

  /** What is no request is told to the caller, and to operators. */
  #parse(verb: Verb, request: Uint8Array): Command {
    try {
      return parseCommand(verb, request);
    } catch (error) {
      this.#options.system.deadLetter("badRequest", this.#options.subjects.api(verb), request);
      throw error;
    }
  }

  async #tryOnce(command: Command, request: Uint8Array, limitMs: number): Promise<Uint8Array | undefined> {
    const standing = this.#standing;
    if (standing.kind === "leading") return this.#answerAsLeader(standing, command, limitMs);
    if (standing.kind === "standby") {
      const read = await this.#options.reads.answer(standing.follower, command, limitMs);
      if (read !== undefined) return replyBytes(read);
    }
    return this.#passOn(command.verb, request, Math.min(limitMs, PASS_ON_TIMEOUT_MS));
  }

  /** Undefined when it turns out not to lead any more. */
  async #answerAsLeader(
    leading: Leading,
    command: Command,
    limitMs: number,
  ): Promise<Uint8Array | undefined> {
    const { system, clock, onEpochSeen } = this.#options;
    let reply: Reply;
    try {
      reply = await system.ask<Reply, CoordinatorMessage>(
        leading.coordinator,
        (replyTo) => ({ kind: "command", command, replyTo }),
        limitMs,
      );
    } catch (error) {
      // The term is over, or the time.
      if (error instanceof AskError) return undefined;
      throw error;
    }
    const isStatus = command.verb === "status";
    const lastEpoch = await within(clock, isStatus ? STATUS_WAIT_MS : limitMs, this.#lastEpoch.take());
    // The cluster's status is asked for when something is wrong, perhaps with the journal: it goes without.
    if (lastEpoch === undefined && !isStatus) return undefined;
    if (lastEpoch !== undefined && lastEpoch > leading.epoch) {
      onEpochSeen(lastEpoch);
      return undefined;
    }
    return replyBytes(isStatus ? await this.#withStandbys(reply, leading) : reply);
  }

  async #withStandbys(reply: Reply, leading: Leading): Promise<Reply> {
    if (!reply.ok) return reply;
    const { clock, journal } = this.#options;
    const standbys = leading.standbys();
    const lastSeq = standbys.length === 0 ? 0 : await within(clock, STATUS_WAIT_MS, journal.lastSeq());
    const listed = standbys.map(({ node, position }) => ({
      node,
      lagEntries: lastSeq === undefined ? null : Math.max(0, lastSeq - position),
    }));
    return { ok: true, result: { ...Object(reply.result), standbys: listed } };
  }

  /** Undefined when no leader has answered. */
  async #passOn(verb: Verb, request: Uint8Array, limitMs: number): Promise<Uint8Array | undefined> {
    const { line, subjects, codec } = this.#options;
    const answer = await line.ask(subjects.leaderApi(verb), request, limitMs);
    if (answer.kind !== "answer") return undefined;
    if (answer.payload.length === 0) {
      throw new MillraceError("badInput", `the reply to \`${verb}\` passes the server's message limit`, {
        fix: "Ask for fewer entries at a time with `limit`.",
      });
    }
    const passedBack = passedBackSchema.parse(codec.decode(answer.payload));
    if (passedBack.kind === "reply") return passedBack.reply;
    if (passedBack.kind === "notLeading") return undefined;
    const { code, message, fix } = passedBack;
    throw new MillraceError(code as ErrorCode, message, fix === undefined ? {} : { fix });
  }

  async #answerPassedOn(
    standing: Leading,
    name: string,
    request: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    let passedBack: PassedBack;
    try {
      const verb = verbs.find((known) => known === name);
      if (verb === undefined) {
        throw new MillraceError("unsupported", `the leader does not know \`${name}\``, {
          fix: "Run the same version of all coordinators.",
        });
      }
      const reply = await this.#answerAsLeader(standing, parseCommand(verb, request), PASS_ON_TIMEOUT_MS);
      passedBack = reply === undefined ? { kind: "notLeading" } : { kind: "reply", reply };
    } catch (error) {
      const { code, message, fix } = asMillraceError(error, "the request failed");
      passedBack = { kind: "refusal", code, message, ...(fix === undefined ? {} : { fix }) };
    }
    return this.#options.codec.encode(passedBack);
  }
}
