/**
 * The keeper of the estimates: reads, when its leader begins, what earlier ones have saved, and saves what has changed
 * since, every now and then and at its end.
 *
 *   reading ──read, or none there──▶ keeping ──changed, and the time has come──▶ saving ──▶ keeping …  ──▶ ended
 *     └──can't be reached──▶ reading          └──a later leader has saved──▶ ended
 *
 * Safe: 1. nothing is saved before what was there is taken in. Live: 2. nobody waits for it: runs begin with what is
 * known, and order their jobs anew when it is read.
 */
import type { ActorRef, Behaviour, Context } from "../../shared/actor/contract.ts";
import { asMillraceError, reasonOf } from "../../shared/model/error.ts";
import type { Estimates } from "../core/estimates.ts";
import type { EstimateStore } from "../journal/estimate-store.ts";
import type { CoordinatorMessage } from "./messages.ts";

export type EstimatesMessage =
  | { readonly kind: "read" }
  | { readonly kind: "unread"; readonly code: string; readonly reason: string }
  | { readonly kind: "readDue" }
  | { readonly kind: "saveDue" }
  | { readonly kind: "saved"; readonly changes: number; readonly isOurs: boolean }
  | { readonly kind: "unsaved"; readonly reason: string };

export interface EstimatesKeeperOptions {
  readonly epoch: number;
  /** Written by runs, one success at a time. */
  readonly estimates: Estimates;
  readonly store: EstimateStore;
  readonly coordinator: ActorRef<CoordinatorMessage>;
}

const SAVE_EVERY_MS = 10_000;
const READ_AGAIN_MS = 5_000;

export class EstimatesKeeper implements Behaviour<EstimatesMessage> {
  readonly #options: EstimatesKeeperOptions;
  #phase: "reading" | "keeping" | "saving" | "ended" = "reading";
  /** As they were read. */
  #earlier: Estimates | undefined;
  /** How much had changed when it was saved last. */
  #savedChanges = 0;

  constructor(options: EstimatesKeeperOptions) {
    this.#options = options;
  }

  started(context: Context<EstimatesMessage>): void {
    this.#read(context);
  }

  receive(message: EstimatesMessage, context: Context<EstimatesMessage>): void {
    switch (message.kind) {
      case "read":
        return this.#onRead(context);
      case "unread":
        return this.#onUnread(message, context);
      case "readDue":
        return this.#read(context);
      case "saveDue":
        return this.#save(context);
      case "saved":
        this.#savedChanges = message.changes;
        return message.isOurs ? this.#keep(context) : this.#end();
      case "unsaved":
        context.log.warn({ reason: message.reason }, "the estimates could not be saved; tried again");
        return this.#keep(context);
    }
  }

  async stopped(context: Context<EstimatesMessage>): Promise<void> {
    const { store, estimates, epoch } = this.#options;
    if (this.#phase !== "keeping" || estimates.changes === this.#savedChanges) return;
    try {
      await store.save(estimates, epoch);
    } catch (error) {
      context.log.warn({ reason: reasonOf(error) }, "the last estimates could not be saved");
    }
  }

  #read(context: Context<EstimatesMessage>): void {
    context.pipe(
      this.#options.store.read().then((earlier) => {
        this.#earlier = earlier;
      }),
      () => ({ kind: "read" }),
      (error) => {
        const isUnreadable = error instanceof RangeError;
        const { code, message } = asMillraceError(error, "the estimates could not be read");
        return { kind: "unread", code: isUnreadable ? "corrupt" : code, reason: message };
      },
    );
  }

  #onRead(context: Context<EstimatesMessage>): void {
    const earlier = this.#earlier;
    this.#earlier = undefined;
    if (earlier !== undefined) {
      this.#options.estimates.takeOver(earlier);
      this.#options.coordinator.tell({ kind: "estimatesRead" });
    }
    this.#keep(context);
  }

  #onUnread(
    { code, reason }: Extract<EstimatesMessage, { kind: "unread" }>,
    context: Context<EstimatesMessage>,
  ): void {
    context.log.warn({ reason }, "the estimates of earlier runs can't be read");
    // What is damaged, or of another version, is replaced.
    if (code === "corrupt") this.#keep(context);
    else context.after(READ_AGAIN_MS, { kind: "readDue" });
  }

  #keep(context: Context<EstimatesMessage>): void {
    this.#phase = "keeping";
    context.after(SAVE_EVERY_MS, { kind: "saveDue" });
  }

  #end(): void {
    this.#phase = "ended";
  }

  #save(context: Context<EstimatesMessage>): void {
    const { store, estimates, epoch } = this.#options;
    const { changes } = estimates;
    if (changes === this.#savedChanges) return this.#keep(context);
    this.#phase = "saving";
    context.pipe(
      store.save(estimates, epoch),
      (isOurs) => ({ kind: "saved", changes, isOurs }),
      (error) => ({ kind: "unsaved", reason: reasonOf(error) }),
    );
  }
}
