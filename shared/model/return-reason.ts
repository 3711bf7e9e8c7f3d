/**
 * Why a job goes back to the queue though nothing is wrong. Whoever follows a run need not hear of these; any other
 * reason is an agent's refusal.
 */
export const routineReturn = {
  recalled: "recalled by the coordinator",
  draining: "the agent is draining",
  held: "the agent is held",
  restarted: "the agent was restarted before it began",
  ended: "ended before it had finished",
} as const;

const routine: ReadonlySet<string> = new Set(Object.values(routineReturn));

/** Whether a job that was given back for this reason simply starts elsewhere. */
export function isRoutineReturn(reason: string): boolean {
  return routine.has(reason);
}
