/** Why the agent ends an attempt before it ends by itself; it is then the attempt's outcome. */
export type EndCause =
  | { readonly kind: "cancelled" }
  | { readonly kind: "timeout"; readonly limit: "run" | "noOutput"; readonly limitMs: number }
  /** The agent stops at once, or nobody wants the result any more. */
  | { readonly kind: "lost"; readonly message: string };
