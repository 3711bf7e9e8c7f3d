import { describe, expect, it } from "vitest";
import type { Reply, RunMessage } from "../../../coordinator/actors/messages.ts";
import { RunMail } from "../../../coordinator/actors/run-mail.ts";
import type { ActorRef } from "../../../shared/actor/contract.ts";
import type { ReportItem } from "../../../shared/model/messages.ts";

const nobody: Partial<ActorRef<Reply>> = { tell: () => undefined };

function reported(agent: string, ...jobs: number[]): RunMessage {
  const items = jobs.map((job): ReportItem => {
    return { kind: "started", run: "r1", job, attempt: 1, lease: `lease-${job}` };
  });
  return { kind: "reported", agent, items };
}

const gone = (agent: string): RunMessage => ({ kind: "agentGone", agent, reason: "silent" });
const resynced = (agent: string): RunMessage => {
  return { kind: "agentResynced", agent, incarnation: `${agent}-1`, held: [] };
};
const command = (): RunMessage => ({
  kind: "command",
  command: { verb: "run", request: { run: "r1" } },
  replyTo: nobody as ActorRef<Reply>,
});

function kept(mail: RunMail, messages: readonly RunMessage[]): RunMessage[] {
  for (const message of messages) mail.put(message);
  return mail.open();
}

describe("what a run can't take yet", () => {
  it("is handed out in order, once", () => {
    const mail = new RunMail();
    const messages = [reported("one", 1), resynced("one"), command(), reported("one", 2)];
    expect(kept(mail, messages)).toEqual(messages);
    expect(mail.open()).toEqual([]);
  });

  it("is kept once however often an agent repeats it", () => {
    const repeats = Array.from({ length: 1_000 }, () => reported("one", 1, 2));
    expect(kept(new RunMail(), repeats)).toEqual([reported("one", 1), reported("one", 2)]);
  });

  it("is the last that was said of an agent, behind what the agent has reported before", () => {
    const messages = [gone("one"), gone("two"), reported("one", 1), resynced("one")];
    expect(kept(new RunMail(), messages)).toEqual([gone("two"), reported("one", 1), resynced("one")]);
  });

  it("is a bounded number of commands and reports", () => {
    const mail = new RunMail();
    const answers = Array.from({ length: 150 }, () => mail.put(command()));
    expect(answers.filter((isKept) => isKept)).toHaveLength(100);
    for (let job = 0; job < 100_050; job++) mail.put(reported("one", job));
    expect(mail.open()).toHaveLength(100_100);
    expect(mail.put(command())).toBe(true);
  });
});
