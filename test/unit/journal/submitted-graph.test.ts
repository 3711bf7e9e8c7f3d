import { expect, test } from "vitest";
import { openGraph } from "../../../coordinator/journal/submitted-graph.ts";
import { type GraphSpecInput, graphSpecSchema } from "../../../shared/model/job-spec.ts";

const large = "x".repeat(300 * 1024);
const job = { name: "a", run: { script: "true" } };

async function opened(graph: GraphSpecInput) {
  const inline = graphSpecSchema.parse(graph);
  return (await openGraph({ inline }, () => Promise.reject(new Error("no objects here")))).spec;
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

test("refuses files of a job that would not find them", async () => {
  const files = [{ digest: "a".repeat(64), folder: "inputs" as const }];
  await expect(opened({ jobs: [{ ...job, files }] })).rejects.toThrow('the job "a" has files');
  expect((await opened({ jobs: [{ ...job, layout: "package", files }] })).jobs).toHaveLength(1);
});
