import { expect, test } from "vitest";
import { openGraph } from "../../../coordinator/journal/submitted-graph.ts";
import { type GraphSpecInput, graphSpecSchema } from "../../../shared/model/job-spec.ts";

const large = "x".repeat(300 * 1024);
const job = { name: "a", run: { script: "true" } };

async function opened(graph: GraphSpecInput) {
  const inline = graphSpecSchema.parse(graph);
  return (await openGraph({ inline }, () => Promise.reject(new Error("no objects here")))).spec;
}

/** A graph that was too large for its submission. */
async function openedAsObject(graph: unknown) {
  return (await openGraph({ digest: "a".repeat(64) }, () => Promise.resolve(graph))).spec;
}

test.each<[string, GraphSpecInput]>([
  ["a script", { jobs: [{ ...job, run: { script: large } }] }],
  ["an environment", { jobs: [{ ...job, env: [["K", large]] }] }],
  ["outputs", { jobs: [{ ...job, outputs: [large] }] }],
  ["the name of an image", { jobs: [{ ...job, image: large }] }],
  ["variables of the run", { vars: [["K", large]], jobs: [job] }],
])("refuses %s that no job request could carry", async (_, graph) => {
  await expect(opened(graph)).rejects.toThrow(/the job "a".* is of 30\d{4} bytes, more than 262144/);
});

test("takes many jobs that together are large", async () => {
  const jobs = Array.from({ length: 4 }, (_, at) => ({
    name: `job ${at}`,
    run: { script: large.slice(0, 200_000) },
  }));
  expect((await opened({ vars: [["K", "v"]], jobs })).jobs).toHaveLength(4);
});

test("looks at the jobs of a graph that is stored as one, and says where it is wrong", async () => {
  const jobs = [job, { ...job, name: "b", needs: [{ job: "a" }] }];
  expect(await openedAsObject({ jobs })).toEqual(await opened({ jobs }));
  for (const [graph, where] of [
    [{ jobs: [] }, "jobs"],
    [{ jobs: [job, { name: "b" }] }, "jobs.1.run"],
    [{ jobs, vars: 1 }, "vars"],
  ] as const)
    await expect(openedAsObject(graph)).rejects.toThrow(`the graph is not valid at ${where}: `);
  const long = { ...job, run: { script: large } };
  await expect(openedAsObject({ jobs: [long] })).rejects.toThrow("more than 262144");
});

test("refuses a graph that can't be run, with the first of its problems", async () => {
  const jobs = Array.from({ length: 30 }, (_, at) => ({
    ...job,
    name: `j${at}`,
    needs: [{ job: `none${at}` }],
  }));
  for (const refused of [opened({ jobs }), openedAsObject({ jobs })]) {
    const error: unknown = await refused.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "badInput", message: expect.stringContaining("none0") });
    expect(String(error).split(";")).toHaveLength(10);
  }
});

test("refuses files of a job that would not find them", async () => {
  const files = [{ digest: "a".repeat(64), folder: "inputs" as const }];
  await expect(opened({ jobs: [{ ...job, files }] })).rejects.toThrow('the job "a" has files');
  expect((await opened({ jobs: [{ ...job, layout: "package", files }] })).jobs).toHaveLength(1);
});
