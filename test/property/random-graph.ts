import fc from "fast-check";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";

type Policy = Omit<JobSpecInput, "name" | "run" | "needs">;

export const conditions = fc.constantFrom("success", "success", "always", "onFailure");

/** Random graphs: job i needs some of the jobs before it; what else is said of it is drawn from the policies. */
export function graphsOf(policies: fc.Arbitrary<Policy>, maxLength: number): fc.Arbitrary<JobSpecInput[]> {
  const draft = fc.record({ needs: fc.array(fc.nat(), { maxLength: 4 }), policy: policies });
  return fc.array(draft, { minLength: 1, maxLength }).map((drafts) =>
    drafts.map(({ needs, policy }, index) => ({
      name: `j${index}`,
      run: { script: "true" },
      needs:
        index === 0 ? [] : [...new Set(needs.map((need) => need % index))].map((job) => ({ job: `j${job}` })),
      ...policy,
    })),
  );
}
