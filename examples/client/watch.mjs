// Submits a graph, shows what happens, and tells what a failed job wrote.
//   MILLRACE_SERVER=nats://127.0.0.1:4222 node watch.mjs
import { connect, describeOutcome } from "millrace";

const client = await connect();

const { run } = await client.submit({
  name: "hello",
  jobs: [
    { name: "fetch", run: { script: "echo 'int main(void) { return 0; }' > hello.c" }, outputs: ["hello.c"] },
    {
      name: "build",
      needs: [{ job: "fetch" }],
      run: { script: 'cc -o hello "$MILLRACE_INPUTS"/fetch/hello.c' },
    },
  ],
});
console.log(`run ${run}`);

for await (const event of client.watch(run)) {
  switch (event.type) {
    case "job.started":
      console.log(`${event.job} runs on ${event.agent}`);
      break;
    case "job.succeeded":
      console.log(`${event.job} succeeded after ${event.wallMs} ms`);
      break;
    case "job.failed":
      console.log(`${event.job} failed: ${describeOutcome(event.outcome)}`);
      for (const line of await client.logTail(run, event.job, 20)) console.log(`  ${line}`);
      break;
    case "run.finished":
      console.log(`${event.status}: ${event.counts.succeeded} succeeded, ${event.counts.failed} failed`);
      process.exitCode = event.status === "succeeded" ? 0 : 1;
  }
}

await client.close();
