/** The library that tooling imports: `import { connect } from "millrace"`. */

export type {
  AgentQuestion,
  AgentQuestionInput,
  AnswerTo,
  HostContainer,
} from "../model/agent-question.ts";
export type { AgentView, AttemptView, Explanation, JobView, RunOptions, RunView } from "../model/api.ts";
export { type ErrorCode, MillraceError } from "../model/error.ts";
export type {
  AgentEvent,
  DependencyResult,
  JobCounts,
  JobPhase,
  RunEvent,
  RunEventType,
  RunStatus,
} from "../model/event.ts";
export type { GraphSpecInput, JobSpecInput, Pairs } from "../model/job-spec.ts";
export type { AgentMode, Capacity } from "../model/messages.ts";
export { type Artifact, describeOutcome, type Outcome } from "../model/outcome.ts";
export type {
  ArtifactEntry,
  ArtifactSource,
  Cancelled,
  Client,
  ClusterStatus,
  Collection,
  CollectOptions,
  ConnectOptions,
  EventFilter,
  EventOptions,
  GraphNode,
  JobArtifact,
  JobFilter,
  LogOptions,
  LogRecord,
  RetryOptions,
  SubmitOptions,
  Submitted,
} from "./client.ts";
export { connect } from "./connect.ts";
export type { DeadLetter } from "./dead-letters.ts";
