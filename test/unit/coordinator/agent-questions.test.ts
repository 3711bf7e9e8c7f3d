import { expect, it } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import { ability } from "../../../shared/model/messages.ts";
import { recorder } from "../../support/actor-world.ts";
import { FleetWorld, HandDrivenAgent } from "../../support/fleet-world.ts";

/** A fleet with the agents `able` and `old`; `ask` gives the replies to a question, which may come later. */
async function scene() {
  const world = await FleetWorld.start();
  const able = new HandDrivenAgent(world, "able");
  const old = new HandDrivenAgent(world, "old");
  able.hello([ability.hostQuestions]);
  old.hello();
  await world.settle();
  let count = 0;
  const ask = async (agent: string, id = "q1"): Promise<Reply[]> => {
    const replies: Reply[] = [];
    count += 1;
    const replyTo = world.coordinatorNode.system.spawn<Reply>(`asker${count}`, recorder(replies));
    const request = { id, agent, question: { kind: "ping" as const } };
    world.fleet.tell({ kind: "command", command: { verb: "ask", request }, replyTo });
    await world.settle();
    return replies;
  };
  return { world, able, old, ask };
}

it("passes a question to its agent, and the answer to all who have asked it", async () => {
  const { world, able, ask } = await scene();
  const first = await ask("able");
  const again = await ask("able");
  expect(able.orders).toMatchObject([
    { kind: "ask", id: "q1", question: { kind: "ping" } },
    { kind: "ask", id: "q1" },
  ]);
  able.send("answer", { id: "q1", answer: { kind: "ping" } });
  await world.settle();
  const reply = { ok: true, result: { agent: "able", answer: { kind: "ping" } } };
  expect([first, again]).toEqual([[reply], [reply]]);
});

it("makes an agent's refusal the reply, with its code", async () => {
  const { world, able, ask } = await scene();
  const replies = await ask("able");
  const answer = { kind: "refused", code: "unsupported", message: "this host has no container engine" };
  able.send("answer", { id: "q1", answer });
  await world.settle();
  expect(replies).toEqual([
    { ok: false, code: "unsupported", message: "agent able: this host has no container engine" },
  ]);
});

it("believes no answer of another agent, nor of another process under the agent's name", async () => {
  const { world, able, old, ask } = await scene();
  const replies = await ask("able");
  old.send("answer", { id: "q1", answer: { kind: "ping" } });
  new HandDrivenAgent(world, "able", "stranger").send("answer", { id: "q1", answer: { kind: "ping" } });
  await world.settle();
  expect(replies).toEqual([]);
  able.send("answer", { id: "q1", answer: { kind: "ping" } });
  await world.settle();
  expect(replies).toHaveLength(1);
});

it("refuses a question of whom it can't ask, and says why", async () => {
  const { world, old, ask } = await scene();
  expect(await ask("abel")).toMatchObject([{ ok: false, code: "notFound", fix: "Did you mean able?" }]);
  expect(await ask("old")).toMatchObject([{ ok: false, code: "unsupported", fix: "Upgrade the agent." }]);
  old.send("bye", { reason: "stopped" });
  await world.settle();
  expect(await ask("old")).toMatchObject([{ ok: false, code: "unavailable" }]);
  expect(old.orders).toEqual([]);
});

it("refuses to take one id for questions of two agents", async () => {
  const { world, old, ask } = await scene();
  await ask("able");
  old.hello([ability.hostQuestions]);
  await world.settle();
  expect(await ask("old")).toMatchObject([{ ok: false, code: "conflict" }]);
});
