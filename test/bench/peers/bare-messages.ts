/** What the two sides of the bare exchange say to each other; of the size that ours have. */
import { MessageCodec } from "../../../shared/actor/message-codec.ts";

export interface BareRequest {
  readonly run: string;
  readonly job: number;
  readonly attempt: number;
  readonly lease: string;
  readonly spec: { readonly name: string; readonly run: { readonly script: string } };
}

export interface BareResult {
  readonly run: string;
  readonly job: number;
  readonly attempt: number;
  readonly lease: string;
  readonly result: { readonly outcome: { readonly kind: "succeeded" }; readonly wallMs: number };
}

export const AGENT = "bare";
export const codec = new MessageCodec();
