/**
 * The election actor: one coordinator's part in the election (`core/election.ts`), and what comes of it. As a standby it
 * follows the journal; when it leads, the coordinator actor of that term is below it.
 *
 *   /election
 *   └── term-<epoch>     only while it leads
 *
 * Safe: 1. a term begins with all that the journal held after its claim; 2. a resignation is said when every actor of
 * the term has ended. Live: 3. beats go on while runs are loaded; 4. what the journal does not answer is asked again.
 */
import type { ZodType } from "zod";
import type { ActorRef, Behaviour, Cancel, Codec, Context } from "../../shared/actor/contract.ts";
import type { RequestLine } from "../../shared/bus/request-line.ts";
import type { Subjects } from "../../shared/bus/subjects.ts";
import {
  type Beat,
  beatSchema,
  type Claim,
  type Confirmation,
  type Election,
  type ElectionEffect,
  type ElectionTimes,
  newElection,
  onBeat,
  onClaimed,
  onClaimFailed,
  onConfirmed,
  onConnection,
  onEnding,
  onEpochObeyed,
  onEpochSeen,
  onNobodyThere,
  onTick,
} from "../core/election.ts";
import {
  onSign,
  type Roster,
  SIGN_MS,
  type StandbySign,
  standbySignSchema,
  standbysOf,
} from "../core/roster.ts";
import type { Journal } from "../journal/journal.ts";
import type { FollowedRuns, JournalFollower } from "../journal/journal-follower.ts";
import type { CoordinatorMessage } from "./messages.ts";
import type { Standing } from "./standing.ts";

export interface ElectionOptions {
  readonly node: string;
  readonly subjects: Subjects;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly line: RequestLine;
  readonly times: ElectionTimes;
  readonly makeFollower: (onClaim: (epoch: number) => void) => JournalFollower;
  readonly makeCoordinator: (term: Term) => Behaviour<CoordinatorMessage>;
  readonly onStanding: (standing: Standing) => void;
}

/** What one term of leading begins with. */
export interface Term {
  readonly epoch: number;
  readonly runs: FollowedRuns;
  readonly onDeposed: (epoch: number) => void;
  /** An agent has obeyed an epoch, though not by an order of this term. */
  readonly onEpochObeyed: (epoch: number) => void;
}

export type ElectionMessage =
  | { readonly kind: "opened"; readonly epoch: number }
  | { readonly kind: "nobodyThere" }
  | { readonly kind: "heard"; readonly beat: Beat }
  | { readonly kind: "tick" }
  | { readonly kind: "signDue" }
  | { readonly kind: "signed"; readonly sign: StandbySign }
  | { readonly kind: "connection"; readonly isConnected: boolean }
  | { readonly kind: "claimed"; readonly claim: Claim }
  | { readonly kind: "confirmed"; readonly confirmation: Confirmation }
  | { readonly kind: "epochObeyed"; readonly epoch: number }
  | { readonly kind: "epochSeen"; readonly epoch: number }
  | { readonly kind: "caughtUp"; readonly epoch: number }
  | { readonly kind: "failed"; readonly what: Question; readonly reason: string }
  | { readonly kind: "again"; readonly what: Question }
  /** Something has ended of which nothing follows. */
  | { readonly kind: "over" };

/** What the journal is asked. */
type Question = "lastEpoch" | "claim" | "confirm" | "follow";

const COORDINATOR_MAILBOX = 100_000;
/** Before the journal is asked again. */
const AGAIN_MS = 1_000;

export class ElectionActor implements Behaviour<ElectionMessage> {
  readonly #options: ElectionOptions;
  #election: Election | undefined;
  #follower: JournalFollower | undefined;
  /** What the term of an epoch begins with. */
  #followed: { readonly epoch: number; readonly runs: FollowedRuns } | undefined;
  #term: ActorRef<CoordinatorMessage> | undefined;
  #stopServing: Cancel | undefined;
  readonly #roster: Roster = new Map();

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  started(context: Context<ElectionMessage>): void {
    const { subjects } = this.#options;
    context.subscribe(subjects.leaderBeat(), (payload) => {
      const beat = this.#read(beatSchema, payload, context);
      return beat && { kind: "heard", beat };
    });
    context.subscribe(subjects.standbySign(), (payload) => {
      const sign = this.#read(standbySignSchema, payload, context);
      return sign && { kind: "signed", sign };
    });
    context.every(SIGN_MS, { kind: "signDue" });
    context.onTransport((status) => ({ kind: "connection", isConnected: status === "connected" }));
    this.#follow(context);
    this.#ask("lastEpoch", context);
  }

  stopped(context: Context<ElectionMessage>): void {
    this.#follower?.stop();
    this.#stopServing?.();
    this.#options.onStanding({ kind: "neither" });
    if (this.#election !== undefined) this.#carryOut(onEnding(this.#election), context);
  }

  receive(message: ElectionMessage, context: Context<ElectionMessage>): void {
    if (message.kind === "opened") return this.#open(message.epoch, context);
    if (message.kind === "failed") return this.#onFailed(message.what, message.reason, context);
    if (message.kind === "again") return this.#ask(message.what, context);
    const election = this.#election;
    if (election === undefined) return;
    switch (message.kind) {
      case "nobodyThere":
        return this.#carryOut(onNobodyThere(election), context);
      case "heard":
        return this.#carryOut(onBeat(election, message.beat), context);
      case "tick":
        return this.#carryOut(onTick(election, context.monotonicMs()), context);
      case "connection":
        this.#carryOut(onConnection(election, message.isConnected), context);
        if (message.isConnected) this.#checkFollowed(context);
        return;
      case "claimed":
        return this.#carryOut(onClaimed(election, message.claim), context);
      case "confirmed":
        return this.#carryOut(onConfirmed(election, message.confirmation), context);
      case "epochObeyed":
        return this.#carryOut(onEpochObeyed(election, message.epoch), context);
      case "epochSeen":
        return this.#carryOut(onEpochSeen(election, message.epoch), context);
      case "caughtUp":
        return this.#lead(message.epoch, election, context);
      case "signDue":
        return this.#giveSign(context);
      case "signed":
        if (message.sign.node !== election.node) onSign(this.#roster, message.sign, context.monotonicMs());
        return;
      case "over":
        return;
    }
  }

  /** Takes part from now on, and asks for a leader: where nobody is there, it need not wait for silence. */
  #open(epoch: number, context: Context<ElectionMessage>): void {
    const { node, times, line, subjects } = this.#options;
    this.#election = newElection(node, times, epoch, context.monotonicMs());
    context.every(times.beatMs, { kind: "tick" });
    context.pipe(
      line.ask(subjects.leaderAsk(), new Uint8Array(), times.silenceMs),
      (answer) => {
        if (answer.kind === "nobody") return { kind: "nobodyThere" };
        const beat = answer.kind === "answer" ? this.#read(beatSchema, answer.payload, context) : undefined;
        return beat === undefined ? { kind: "over" } : { kind: "heard", beat };
      },
      () => ({ kind: "over" }),
    );
  }

  #read<T>(schema: ZodType<T>, payload: Uint8Array, context: Context<ElectionMessage>): T | undefined {
    try {
      return schema.parse(this.#options.codec.decode(payload));
    } catch {
      // Whatever is wrong with it, nobody who takes part has sent it.
      context.deadLetter("malformed", "_.lead", payload);
      return undefined;
    }
  }

  #giveSign(context: Context<ElectionMessage>): void {
    const { node, subjects, codec } = this.#options;
    if (this.#election?.phase !== "watching" || this.#follower === undefined) return;
    const sign: StandbySign = { v: 1, node, position: this.#follower.position };
    context.publish(subjects.standbySign(), codec.encode(sign));
  }

  #carryOut(effects: readonly ElectionEffect[], context: Context<ElectionMessage>): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "claim":
          this.#claim(effect, context);
          break;
        case "lead":
          this.#catchUp(effect.epoch, context);
          break;
        case "stepDown":
          this.#stepDown(effect.epoch, context);
          break;
        case "beat":
          context.publish(this.#options.subjects.leaderBeat(), this.#options.codec.encode(effect.beat));
          break;
        case "confirm":
          this.#ask("confirm", context);
          break;
      }
    }
    this.#serveWhileNeeded();
  }

  /** From its claim on, so that who starts meanwhile waits for it rather than claim, too. */
  #serveWhileNeeded(): void {
    const { line, subjects } = this.#options;
    const phase = this.#election?.phase;
    if (phase === "claiming" || phase === "leading") {
      this.#stopServing ??= line.serve(subjects.leaderAsk(), () => Promise.resolve(this.#beat()));
    } else {
      this.#stopServing?.();
      this.#stopServing = undefined;
    }
  }

  #beat(): Uint8Array | undefined {
    if (this.#election?.phase !== "leading" || this.#election.isInDoubt) return undefined;
    const { epoch, node } = this.#election;
    return this.#options.codec.encode({ v: 1, epoch, node, resigns: false } satisfies Beat);
  }

  #claim(claim: { readonly known: number; readonly above: number }, context: Context<ElectionMessage>): void {
    const { journal, node } = this.#options;
    context.pipe(
      journal.claimEpoch(node, claim.known, claim.above),
      (claim) => ({ kind: "claimed", claim }),
      (error) => ({ kind: "failed", what: "claim", reason: String(error) }),
    );
  }

  #ask(what: Question, context: Context<ElectionMessage>): void {
    const { journal } = this.#options;
    const onFailure = (error: unknown) => ({ kind: "failed", what, reason: String(error) }) as const;
    if (what === "follow") return this.#followAgain(context);
    if (what === "lastEpoch") {
      return context.pipe(journal.lastEpoch(), (epoch) => ({ kind: "opened", epoch }), onFailure);
    }
    const question = this.#election?.question ?? 0;
    context.pipe(
      Promise.all([journal.lastEpoch(), journal.hasLost()]),
      ([epoch, hasLost]) => ({ kind: "confirmed", confirmation: { question, epoch, hasLost } }),
      onFailure,
    );
  }

  /** The server was away, perhaps without power: what a standby holds may be there no more, or be purged since. */
  #checkFollowed(context: Context<ElectionMessage>): void {
    const follower = this.#follower;
    if (follower === undefined) return;
    context.pipe(
      follower.forgetPurged().then(() => this.#options.journal.hasLost()),
      (hasLost) => (hasLost && !follower.hasEnded ? { kind: "again", what: "follow" } : { kind: "over" }),
      // Without an answer the connection is lost again.
      () => ({ kind: "over" }),
    );
  }

  #onFailed(what: Question, reason: string, context: Context<ElectionMessage>): void {
    context.log.warn({ what, reason }, "the journal can't be reached");
    if (what !== "claim") context.after(AGAIN_MS, { kind: "again", what });
    else if (this.#election !== undefined) this.#carryOut(onClaimFailed(this.#election), context);
  }

  #catchUp(epoch: number, context: Context<ElectionMessage>): void {
    const follower = this.#follower ?? this.#follow(context);
    context.pipe(
      follower.finish().then((runs) => {
        this.#followed = { epoch, runs };
      }),
      () => ({ kind: "caughtUp", epoch }),
      // One that has ended says itself why.
      (error) =>
        follower.hasEnded ? { kind: "over" } : { kind: "failed", what: "follow", reason: String(error) },
    );
  }

  #lead(epoch: number, election: Election, context: Context<ElectionMessage>): void {
    const followed = this.#followed;
    if (election.phase !== "leading" || election.epoch !== epoch || followed?.epoch !== epoch) return;
    this.#followed = undefined;
    this.#follower = undefined;
    const { runs } = followed;
    const { makeCoordinator, onStanding } = this.#options;
    const { self } = context;
    const term: Term = {
      epoch,
      runs,
      onDeposed: (higher) => self.tell({ kind: "epochSeen", epoch: higher }),
      onEpochObeyed: (heard) => {
        // A term that is being ended still hears agents, which obey the next one by then.
        if (election.epoch === epoch) self.tell({ kind: "epochObeyed", epoch: heard });
      },
    };
    const coordinator = context.spawn(`term-${epoch}`, () => makeCoordinator(term), {
      mailbox: { capacity: COORDINATOR_MAILBOX },
      // A term has one beginning: what it took over is not there a second time.
      supervision: { decide: () => "escalate" },
    });
    this.#term = coordinator;
    const standbys = () => standbysOf(this.#roster, context.monotonicMs());
    onStanding({ kind: "leading", epoch, coordinator, standbys });
  }

  #stepDown(epoch: number | null, context: Context<ElectionMessage>): void {
    if (epoch !== null) context.log.warn({ epoch }, "deposed: another coordinator leads");
    else
      context.log.error(
        {},
        "the journal has lost what it had acknowledged: a new term begins with what it has",
      );
    if (this.#term !== undefined) context.stop(this.#term);
    this.#term = undefined;
    this.#follow(context);
  }

  /** Follows the journal from what it holds at this time: as a standby, and for the next takeover. */
  #follow(context: Context<ElectionMessage>): JournalFollower {
    const { makeFollower, onStanding } = this.#options;
    const { self } = context;
    this.#follower?.stop();
    const follower = makeFollower((epoch) => self.tell({ kind: "epochSeen", epoch }));
    this.#follower = follower;
    onStanding({ kind: "standby", follower });
    context.pipe(
      follower.follow(),
      () => ({ kind: "over" }),
      (error) => ({ kind: "failed", what: "follow", reason: String(error) }),
    );
    return follower;
  }

  /** In the middle of a takeover it has to come to the journal's end once more. */
  #followAgain(context: Context<ElectionMessage>): void {
    if (this.#term !== undefined) return;
    this.#follow(context);
    if (this.#election?.phase === "leading") this.#catchUp(this.#election.epoch, context);
  }
}
