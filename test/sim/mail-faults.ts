/** Faults of the mail: what somebody has said comes when others, or the next of that name, have spoken already. */
import {
  crash,
  type Fault,
  later,
  leaderOf,
  note,
  pause,
  runningOf,
  type Scene,
  troubled,
} from "./fault-scene.ts";

/** What is said on a subject comes late, or once more. */
function slowMail(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const agent = chance.pick(scene.cluster.agents);
  const orders = subjects.toAgent(agent.name);
  const ofAgent = orders.replace("._.to.", "._.from.").replace(/orders$/, "");
  const isOrders = chance.happens(0.6);
  const mostMs = chance.pick([300, 3_000, 12_000]);
  const over = troubled(scene, isOrders ? [] : [agent]);
  const end = mail.begin({
    takes: (_, subject) =>
      (isOrders ? subject === orders : subject.startsWith(ofAgent)) && chance.happens(0.7),
    isRepeat: chance.happens(0.6),
    leastMs: 0,
    mostMs,
  });
  later(scene, 500, 15_000, () => {
    end();
    later(scene, mostMs, mostMs, over);
  });
}

/** The last orders of a leader come when its successor has spoken already. */
function lastWords(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const leader = leaderOf(scene);
  if (leader === undefined) return;
  const orders = new Set(scene.cluster.agents.map(({ name }) => subjects.toAgent(name)));
  const end = mail.begin({
    takes: (node, subject) => node === leader.name && orders.has(subject),
    isRepeat: chance.happens(0.3),
    leastMs: 0,
    mostMs: chance.pick([5, 100, 2_000]),
    waitsFor: (kept, node, subject) => subject === kept.subject && node !== kept.node,
  });
  later(scene, 20, 1_500, () => {
    if (!scene.cluster.world.isAtPeace) {
      chance.pick([crash, pause])(scene, leaderOf(scene), "leader struck before its orders came");
    }
    later(scene, 100, 3_000, end);
  });
}

/** What an agent says at its end comes when the next one has begun. */
function lastReports(scene: Scene): void {
  const { chance, mail, subjects } = scene.cluster.world;
  const agent = runningOf(scene.cluster.agents, scene);
  if (agent === undefined) return;
  const isRestarted = chance.happens(0.7);
  const kinds = (["hello", "bye", "heartbeat", "report"] as const).map((kind) =>
    subjects.fromAgent(agent.name, kind),
  );
  const over = troubled(scene, [agent]);
  const end = mail.begin({
    takes: (_, subject) => kinds.includes(subject),
    isRepeat: chance.happens(0.5),
    leastMs: 1_000,
    mostMs: 15_000,
  });
  note(scene, agent, "agent's last words late");
  if (isRestarted) agent.stop(chance.pick(["drain", "now", "leave"] as const));
  later(scene, 300, 3_000, () => {
    end();
    over();
    scene.cluster.startNode(agent);
  });
}

/** What was ordered of an agent from its start on comes once more to the next agent of that name, at its first word. */
function predecessorsOrders(scene: Scene): void {
  const { cluster } = scene;
  const { mail, subjects } = cluster.world;
  const agent = runningOf(cluster.agents, scene);
  if (agent === undefined) return;
  const orders = subjects.toAgent(agent.name);
  const hello = subjects.fromAgent(agent.name, "hello");
  const over = troubled(scene, [agent]);
  agent.crash();
  const end = mail.begin({
    takes: (_, subject) => subject === orders,
    isRepeat: true,
    leastMs: 0,
    mostMs: 0,
    waitsFor: (_, node, subject) => node === agent.name && subject === hello,
  });
  cluster.startNode(agent);
  // It has said its first words before anything was ordered of it.
  later(scene, 300, 4_000, () => {
    end();
    note(scene, agent, "orders for a predecessor");
    agent.crash();
    later(scene, 5, 2_000, () => {
      over();
      cluster.startNode(agent);
    });
  });
}

/** Every kind, by a name for the draw. */
export const mailFaults: Readonly<Record<string, Fault>> = {
  slowMail,
  lastWords,
  lastReports,
  predecessorsOrders,
};
