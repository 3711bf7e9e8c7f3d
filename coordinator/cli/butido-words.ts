/** What people who come from butido type, where it has another name here or none: the answer says which, or why. */
import { MillraceError } from "../../shared/model/error.ts";

interface Counterpart {
  /** Words that follow each other; a name of an endpoint may stand after the first. */
  readonly words: readonly string[];
  /** What to do instead. */
  readonly fix: string;
}

const counterparts: readonly Counterpart[] = [
  { words: ["db", "artifacts"], fix: "Use millrace artifacts list." },
  { words: ["db", "envvars"], fix: "Variables are found by millrace jobs --env NAME=VALUE." },
  {
    words: ["db", "images"],
    fix: "Images are told by millrace jobs --json, and found by millrace jobs --image.",
  },
  { words: ["db", "submits"], fix: "Use millrace runs." },
  { words: ["db", "submit"], fix: "Use millrace status RUN --all." },
  { words: ["db", "jobs"], fix: "Use millrace jobs." },
  { words: ["db", "job"], fix: "Use millrace explain RUN JOB, and millrace logs RUN JOB." },
  { words: ["db", "log-of"], fix: "Use millrace log-of RUN JOB." },
  { words: ["db", "releases"], fix: "Use millrace release list." },
  {
    words: ["db"],
    fix: "There is no database: what is kept is told by millrace runs, jobs, artifacts and logs.",
  },
  { words: ["endpoint", "ping"], fix: "Use millrace agents ping." },
  { words: ["endpoint", "stats"], fix: "Use millrace agents stats." },
  { words: ["endpoint", "containers"], fix: "Use millrace agents containers." },
  {
    words: ["endpoint", "container"],
    fix: "Use millrace agents containers top, inspect, exec, stop or prune.",
  },
  { words: ["endpoint", "images"], fix: "Use millrace agents images." },
  { words: ["endpoint"], fix: "Hosts are those of agents: see millrace agents --help." },
  { words: ["generate-completions"], fix: "Use millrace completion bash, zsh or fish." },
  { words: ["--hide-bars"], fix: "Leave it out: bars are drawn on terminals alone, and not with TERM=dumb." },
  { words: ["--tracing-chrome"], fix: "millrace events tells what happened when, on all hosts." },
];

/** Why a command line of butido's is not taken; undefined for any other one. */
export function butidoRefusal(argv: readonly string[]): MillraceError | undefined {
  const [first = "", second] = argv;
  if (first === "import" && (second === undefined || second === "butido")) return importRefusal();
  if (first.startsWith("--db-"))
    return refusal(
      first.split("=", 1)[0] ?? first,
      "There is no database. --server and --namespace name the cluster.",
    );
  const found = counterparts.find(
    ({ words: [word, ...rest] }) => word === first && rest.every((it) => argv.includes(it)),
  );
  return found === undefined ? undefined : refusal(found.words.join(" "), found.fix);
}

function refusal(words: string, fix: string): MillraceError {
  return new MillraceError("badInput", `${words} is butido's, and not known here`, { fix });
}

function importRefusal(): MillraceError {
  return new MillraceError("badInput", "the history in butido's database can't be taken over", {
    fix:
      "It has no digests, times or exit statuses of jobs, so nothing of it could be reused or trusted. Keep the database for " +
      "looking back. Repository, source cache and stores are used as they are, and find-artifact -S finds old releases.",
  });
}
