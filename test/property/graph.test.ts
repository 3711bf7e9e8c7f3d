import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGraph, type GraphShape, inputsOf, targetsOf } from "../../shared/model/graph.ts";
import { subgraph } from "../../shared/model/graph-selection.ts";

/** Jobs in any file order whose needs point down a hidden order, so there is no cycle. */
const acyclic = fc
  .tuple(
    fc.array(fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 4 }), { minLength: 1, maxLength: 30 }),
    fc.nat(),
  )
  .map(([picks, shift]): GraphShape => {
    const jobs = picks.map((needs, index) => ({
      name: `j${index}`,
      needs: [
        ...new Map(index === 0 ? [] : needs.map(([pick, transitive]) => [pick % index, transitive])),
      ].map(([need, transitive]) => ({ job: `j${need}`, transitive })),
    }));
    const middle = shift % jobs.length;
    return { jobs: [...jobs.slice(middle), ...jobs.slice(0, middle)] };
  });

const anyGraph = fc.array(fc.uniqueArray(fc.nat(11), { maxLength: 4 }), { minLength: 1, maxLength: 12 }).map(
  (needs): GraphShape => ({
    jobs: needs.map((list, index) => ({
      name: `j${index}`,
      needs: list
        .filter((need) => need < needs.length && need !== index)
        .map((need) => ({ job: `j${need}` })),
    })),
  }),
);

const needsOf = (
  shape: GraphShape,
  name: string,
): readonly { job: string; transitive?: boolean | undefined }[] =>
  shape.jobs.find((job) => job.name === name)?.needs ?? [];

test("an acyclic graph compiles, with needs first in its order and ranks that follow the longest path", () => {
  fc.assert(
    fc.property(acyclic, (shape) => {
      const compilation = compileGraph(shape);
      if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
      const { graph } = compilation;
      const position = new Map([...graph.order].map((job, index) => [job, index]));
      expect(position.size).toBe(shape.jobs.length);
      shape.jobs.forEach(({ name, needs = [] }, job) => {
        expect(graph.indexOf.get(name)).toBe(job);
        expect([...targetsOf(graph.needs, job)].map((need) => graph.names[need])).toEqual(
          needs.map((need) => need.job),
        );
        for (const need of targetsOf(graph.needs, job)) {
          expect(position.get(need)).toBeLessThan(position.get(job)!);
          expect([...targetsOf(graph.dependants, need)]).toContain(job);
        }
        const dependants = [...targetsOf(graph.dependants, job)];
        expect(graph.rank[job]).toBe(
          1 + Math.max(0, ...dependants.map((dependant) => graph.rank[dependant]!)),
        );
      });
      expect(graph.dependants.targets.length).toBe(graph.edges);
    }),
  );
});

test("a job's inputs are its needs and the closure of the transitive ones", () => {
  const closure = (shape: GraphShape, name: string): string[] => [
    name,
    ...needsOf(shape, name).flatMap((need) => closure(shape, need.job)),
  ];
  fc.assert(
    fc.property(acyclic, (shape) => {
      const small: GraphShape = {
        jobs: shape.jobs.slice(0, 12).map(({ name }) => ({ name, needs: needsOf(shape, name) })),
      };
      const compilation = compileGraph(small);
      fc.pre(compilation.ok);
      if (!compilation.ok) return;
      small.jobs.forEach(({ needs = [] }, job) => {
        const wanted = needs.flatMap((need) =>
          need.transitive === true ? closure(small, need.job) : [need.job],
        );
        const inputs = inputsOf(compilation.graph, job).map((index) => compilation.graph.names[index]!);
        expect(inputs.sort()).toEqual([...new Set(wanted)].sort());
      });
    }),
  );
});

test("a graph is refused exactly when a job reaches itself, and each cycle shown is one", () => {
  fc.assert(
    fc.property(anyGraph, (shape) => {
      const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
        needsOf(shape, from).some(({ job }) => {
          if (job === to) return true;
          if (seen.has(job)) return false;
          seen.add(job);
          return reaches(job, to, seen);
        });
      const cyclic = shape.jobs.map(({ name }) => name).filter((name) => reaches(name, name));
      const compilation = compileGraph(shape);
      expect(compilation.ok).toBe(cyclic.length === 0);
      if (compilation.ok) return;
      const knots = new Set(
        cyclic.map((name) =>
          cyclic.filter((other) => name === other || (reaches(name, other) && reaches(other, name))).join(),
        ),
      );
      expect(compilation.problems).toHaveLength(knots.size);
      for (const problem of compilation.problems) {
        if (problem.kind !== "cycle") throw new Error(problem.kind);
        expect(new Set(problem.path).size).toBe(problem.path.length);
        problem.path.forEach((job, index) => {
          const next = problem.path[(index + 1) % problem.path.length]!;
          expect(shape.jobs[job]?.needs?.map((need) => need.job)).toContain(shape.jobs[next]!.name);
        });
        expect(shape.jobs[problem.path[0]!]?.needs?.[problem.need]?.job).toBe(
          shape.jobs[problem.path[1]!]!.name,
        );
      }
    }),
    { numRuns: 500 },
  );
});

test("a selection is closed, keeps the order and holds nothing beyond what its targets need", () => {
  fc.assert(
    fc.property(acyclic, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), (shape, picks) => {
      const targets = picks.map((pick) => shape.jobs[pick % shape.jobs.length]!.name);
      const selection = subgraph(shape, targets);
      if (!selection.ok) throw new Error("every target is a job");
      const names = selection.spec.jobs.map(({ name }) => name);
      expect(names).toEqual(shape.jobs.map(({ name }) => name).filter((name) => names.includes(name)));
      for (const name of names) {
        const isWanted =
          targets.includes(name) ||
          selection.spec.jobs.some(({ needs = [] }) => needs.some(({ job }) => job === name));
        expect(isWanted).toBe(true);
        for (const { job } of needsOf(shape, name)) expect(names).toContain(job);
      }
    }),
  );
});
