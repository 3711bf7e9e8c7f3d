/** The environment of packages' jobs, and which variables it may have. */
import type { Pairs } from "../../../shared/model/job-spec.ts";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import type { Package } from "./package.ts";
import type { RepositoryConfig } from "./repository-config.ts";

type Allowing = Pick<RepositoryConfig, "allowedEnv">;

/** What a job sees: what the user sets, and over it what the package sets. */
export function jobEnvironment(given: Pairs, { environment = [] }: Pick<Package, "environment">): Pairs {
  return [...new Map([...given, ...environment])];
}

/** Why a variable may not be set; undefined when it may. */
export function variableObstacle({ allowedEnv }: Allowing, variable: string): string | undefined {
  if (allowedEnv === undefined || allowedEnv.includes(variable)) return undefined;
  const hint = didYouMean(variable, allowedEnv);
  return `the variable ${variable} is not in containers.allowed_env of the configuration${hint}`;
}

/** `NAME=VALUE` as pairs, or `NAME` for what it is in the environment around; a mistake is told in words. */
export function givenEnvironment(
  assignments: readonly string[],
  around: Readonly<Record<string, string | undefined>>,
): { readonly pairs: Pairs; readonly mistakes: readonly string[] } {
  const values = new Map<string, string>();
  const mistakes: string[] = [];
  for (const assignment of assignments) {
    const [, name = "", equals, written = ""] = /^([^=]*)(=?)(.*)$/s.exec(assignment) ?? [];
    const value = equals === "=" ? written : around[name];
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      mistakes.push(
        `${JSON.stringify(assignment)} must be NAME=VALUE, or the NAME of a variable that is set`,
      );
    } else if (value === undefined) mistakes.push(`the variable ${name} is not set here`);
    else if (value.includes("\0") || !value.isWellFormed()) {
      mistakes.push(`the value of ${name} must be text without NUL characters`);
    } else values.set(name, value);
  }
  return { pairs: [...values], mistakes };
}
