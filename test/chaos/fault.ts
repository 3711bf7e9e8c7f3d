/** What chaos does to a cluster, as data. */

/** Strikes a process, by its name on the stage. */
export type ProcessFault =
  /** SIGKILL, and a fresh start after a while. */
  | { readonly kind: "kill"; readonly target: string; readonly downMs: number }
  /** SIGTERM, and a fresh start a while after it has ended. */
  | { readonly kind: "stop"; readonly target: string; readonly downMs: number }
  /** SIGSTOP, and SIGCONT after a while. */
  | { readonly kind: "pause"; readonly target: string; readonly forMs: number };

/** Strikes the network between a client and its servers, by the client's name. */
export type NetworkFault =
  /** All its connections are reset; it may connect again at once. */
  | { readonly kind: "cut"; readonly target: string }
  /** Its network carries nothing for a while, without a word to either side; then its connections are reset. */
  | { readonly kind: "silence"; readonly target: string; readonly forMs: number };

export type Fault = ProcessFault | NetworkFault;

/** A fault and when it strikes, counted from the start. */
export interface Strike {
  readonly atMs: number;
  readonly fault: Fault;
}

/** How long a fault keeps its target from what it does, not counting what a start or an orderly end takes. */
export function lengthMs(fault: Fault): number {
  if (fault.kind === "cut") return 0;
  return "downMs" in fault ? fault.downMs : fault.forMs;
}

/** The fault as a clause for people. */
export function describeFault(fault: Fault): string {
  const seconds = `${(lengthMs(fault) / 1000).toFixed(1)} s`;
  switch (fault.kind) {
    case "kill":
      return `kill -9 ${fault.target}, down for ${seconds}`;
    case "stop":
      return `stop ${fault.target}, down for ${seconds}`;
    case "pause":
      return `pause ${fault.target} for ${seconds}`;
    case "cut":
      return `cut the connections of ${fault.target}`;
    case "silence":
      return `silence the network of ${fault.target} for ${seconds}`;
  }
}
