import { expect, test } from "vitest";
import { agentsHeardOf } from "../../../coordinator/journal/heartbeats.ts";
import { MemoryConnection, MemoryStream } from "../../../coordinator/journal/memory-stream.ts";
import { Subjects } from "../../../shared/bus/subjects.ts";
import { subjectToken } from "../../../shared/model/name.ts";

test("of each agent that was heard lately the token is known by which it is asked", async () => {
  const subjects = new Subjects("test");
  const stream = new MemoryStream();
  const agents = ["one", "rack 2.host"];
  for (const [expectedSeq, agent] of [...agents, "one"].entries()) {
    const subject = subjects.fromAgent(agent, "heartbeat");
    const last = stream.last(subject)?.seq ?? 0;
    stream.store({
      subject,
      payload: new Uint8Array(),
      expectedSeq: last,
      batch: `${expectedSeq}`,
      epoch: 0,
    });
  }
  const heard = await agentsHeardOf(new MemoryConnection(stream), subjects);
  expect(heard.sort()).toEqual(agents.map(subjectToken).sort());
});
