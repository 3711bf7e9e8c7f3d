/** Judges what is left when all runs have ended and nobody has spoken of them for a while: nothing may be. */
import type { AgentNode } from "../agent-node.ts";
import type { Complain } from "./job-model.ts";
import type { MessageJudge } from "./message-judge.ts";

export function judgeEnd(scene: {
  readonly agents: readonly AgentNode[];
  readonly messages: MessageJudge;
  /** Since then nobody repeats a report any more. */
  readonly silentSinceMs: number;
  readonly complain: Complain;
}): void {
  const { agents, messages, silentSinceMs, complain } = scene;
  for (const { name, host, node } of agents) {
    if (node === undefined) complain("nothingLeft", `${name} does not run`);
    for (const { key } of host.running)
      complain("nothingLeft", `the process of ${key} still runs on ${name}`);
    for (const { record } of host.disk.values()) {
      complain("nothingLeft", `files of ${record.run}/${record.job}/${record.attempt} are left on ${name}`);
    }
    const held = messages.held.get(name) ?? [];
    for (const { run, job, attempt, phase } of held) {
      complain("nothingLeft", `${name} still holds ${run}/${job}/${attempt}, ${phase}`);
    }
    if (messages.hasUnsettled(name, silentSinceMs)) {
      complain("nothingLeft", `${name} still has a report that nobody settles`);
    }
  }
}
