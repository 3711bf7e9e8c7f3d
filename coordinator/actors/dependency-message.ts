/** The edge towards `dep` subjects: anyone may publish there, so what arrives is validated here, once. */
import { type DependencyResult, dependencyResultSchema } from "../../shared/model/event.ts";
import { subjectToken } from "../../shared/model/name.ts";

/** The result of a job of this run, as it came on the job's subject; undefined for anything else. Never throws. */
export function readDependency(
  run: string,
  payload: Uint8Array,
  subject: string,
): DependencyResult | undefined {
  const parsed = dependencyResultSchema.safeParse(jsonIn(payload));
  if (!parsed.success) return undefined;
  const { data: result } = parsed;
  const token = subject.slice(subject.lastIndexOf(".") + 1);
  return result.run === run && subjectToken(result.job) === token ? result : undefined;
}

function jsonIn(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    // What is no JSON is refused like what is no result.
    return undefined;
  }
}
