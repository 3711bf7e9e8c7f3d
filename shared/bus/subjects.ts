/**
 * Every subject, stream and bucket name. `docs/protocol.md` is this file for people; what is under `_.` is internal.
 */
import { subjectToken } from "../model/name.ts";

/** Names within one namespace. Functions that end in `All` give the wildcard to subscribe to. */
export class Subjects {
  readonly namespace: string;
  readonly root: string;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.root = `millrace.${namespace}`;
  }

  // Public: what tooling may use.

  /** Durable: one JSON array of events per commit. */
  runEvents = (run: string): string => `${this.root}.run.${run}.events`;
  runEventsAll = (): string => `${this.root}.run.*.events`;
  /** Live: `type` is an event's type, `run.finished` goes to `run.<run>.finished`. */
  runEvent = (run: string, type: string): string => `${this.root}.run.${run}.${afterDot(type)}`;
  jobEvent = (run: string, job: string, type: string): string =>
    `${this.root}.run.${run}.job.${subjectToken(job)}.${afterDot(type)}`;
  fleetEvents = (): string => `${this.root}.fleet.events`;
  agentEvent = (agent: string, type: string): string =>
    `${this.root}.fleet.${subjectToken(agent)}.${afterDot(type)}`;
  log = (run: string, job: string, attempt: number, agent: string): string =>
    `${this.root}.log.${run}.${subjectToken(job)}.${attempt}.${subjectToken(agent)}`;
  /** The log of one attempt, whichever agent runs it. */
  logOf = (run: string, job: string, attempt: number): string =>
    `${this.root}.log.${run}.${subjectToken(job)}.${attempt}.*`;
  /** All logs of a run. */
  logsOf = (run: string): string => `${this.root}.log.${run}.>`;
  logAll = (): string => `${this.root}.log.>`;
  dependency = (run: string, job: string): string => `${this.root}.dep.${run}.${subjectToken(job)}`;
  dependencyAll = (run: string): string => `${this.root}.dep.${run}.*`;
  api = (verb: string): string => `${this.root}.api.${verb}`;

  // Internal.

  journal = (run: string): string => `${this.root}._.journal.run.${run}`;
  journalAll = (): string => `${this.root}._.journal.run.*`;
  /** Where a leader claims its epoch. */
  leader = (): string => `${this.root}._.journal.leader`;
  /** Which snapshot of a run is the last; in the journal's stream, too. */
  snapshot = (run: string): string => `${this.root}._.snapshot.${run}`;
  snapshotAll = (): string => `${this.root}._.snapshot.*`;
  /** What is remembered under a key of a job that has succeeded. */
  reuseKey = (kind: "key" | "deepKey", key: string): string => `${this.root}._.reuse.${kind}.${key}`;
  /** What a job of this name was when it succeeded last. */
  reuseJob = (job: string): string => `${this.root}._.reuse.job.${subjectToken(job)}`;
  reuseAll = (): string => `${this.root}._.reuse.*.*`;
  /** Runs and claims: what the journal is read for. */
  journalStored = (): string => `${this.root}._.journal.>`;
  /** The leader's beats. */
  leaderBeat = (): string => `${this.root}._.lead.beat`;
  /** Asks for a beat; only who leads, or is about to, takes it. */
  leaderAsk = (): string => `${this.root}._.lead.ask`;
  /** Signs of life of those who do not lead. */
  standbySign = (): string => `${this.root}._.lead.standby`;
  /** Where standbys pass on what only the leader can answer. */
  leaderApi = (verb: string): string => `${this.root}._.lead.api.${verb}`;
  actors = (): string => `${this.root}._.actor`;
  /** Where a coordinator hears itself, to know that it could hear others. */
  echo = (token: string): string => `${this.root}._.echo.${token}`;
  deadLetters = (): string => `${this.root}._.dead`;
  toAgent = (agent: string): string => `${this.root}._.to.${subjectToken(agent)}.orders`;
  /** The same for an agent of which only the token is known. */
  toAgentToken = (token: string): string => `${this.root}._.to.${token}.orders`;
  fromAgent = (agent: string, kind: AgentMessageKind): string =>
    `${this.root}._.from.${subjectToken(agent)}.${kind}`;
  fromAgentAll = (): string => `${this.root}._.from.*.*`;
  heartbeatAll = (): string => `${this.root}._.from.*.heartbeat`;

  // Streams and buckets.

  journalStream = (): string => `millrace-${this.namespace}-journal`;
  eventStream = (): string => `millrace-${this.namespace}-events`;
  logStream = (): string => `millrace-${this.namespace}-logs`;
  heartbeatStream = (): string => `millrace-${this.namespace}-heartbeats`;
  reuseStream = (): string => `millrace-${this.namespace}-reuse`;
  /** Artifacts, graphs and whatever else is named by digest; a NATS object store. */
  objectBucket = (): string => `millrace-${this.namespace}-objects`;
}

export type AgentMessageKind = "hello" | "heartbeat" | "report" | "answer" | "bye";

function afterDot(type: string): string {
  return type.slice(type.indexOf(".") + 1);
}
