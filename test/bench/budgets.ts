/**
 * What a job of the short rows may cost in messages. A busy machine makes the groups smaller in which appends, events, orders
 * and reports go, so what a group has is told apart from what every job has: the latter depends on no machine, and its
 * budget is a quarter above what it is. A change that makes each job dearer is seen here where times could not tell.
 */
import type { JobCost } from "./account/job-cost.ts";
import type { ServerCounters } from "./account/server-counters.ts";

/** An append goes with a message of events, a batch of orders and a report. */
const MESSAGES_OF_A_GROUP = 4;

const quantities = {
  "messages beside those of groups": ({ messagesIn, journalAppends }: ServerCounters) =>
    messagesIn - MESSAGES_OF_A_GROUP * journalAppends,
  "bytes sent to the server": ({ bytesIn }: ServerCounters) => bytesIn,
  "appends to the journal": ({ journalAppends }: ServerCounters) => journalAppends,
  "round trips to JetStream for each append": ({ roundTrips, journalAppends }: ServerCounters) =>
    roundTrips / journalAppends,
} as const;

type Budget = Readonly<Record<keyof typeof quantities, number>>;

const budgets: ReadonlyMap<string, Budget> = new Map([
  [
    "layered",
    {
      "messages beside those of groups": 6.4,
      "bytes sent to the server": 4_000,
      // As many as two of each job go alone where processes are slow to start.
      "appends to the journal": 1.9,
      "round trips to JetStream for each append": 3,
    },
  ],
  [
    "layered, no process",
    {
      "messages beside those of groups": 6.4,
      "bytes sent to the server": 3_400,
      "appends to the journal": 0.35,
      "round trips to JetStream for each append": 3,
    },
  ],
  [
    "independent, no process",
    {
      "messages beside those of groups": 6.4,
      "bytes sent to the server": 3_300,
      "appends to the journal": 0.35,
      "round trips to JetStream for each append": 3,
    },
  ],
]);

/** What is over its budget, as sentences. */
export function overBudget({ what, counters }: JobCost): string[] {
  const budget = budgets.get(what);
  if (budget === undefined) return [];
  return (Object.keys(quantities) as (keyof Budget)[]).flatMap((quantity) => {
    const cost = quantities[quantity](counters);
    const most = budget[quantity];
    return cost <= most ? [] : [`${what}: ${quantity}: ${cost.toFixed(3)} a job, the budget is ${most}`];
  });
}
