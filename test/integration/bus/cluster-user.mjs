// A command that uses the local cluster: prints what it got as a line of JSON, lets go at the end of its input.
const [, , library, stateDir, ...coordinatorCommand] = process.argv;
const { acquireLocalCluster } = await import(library);
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
try {
  const start = performance.now();
  const { url, release } = await acquireLocalCluster({ stateDir, coordinatorCommand });
  say({ url, tookMs: performance.now() - start });
  for await (const _ of process.stdin);
  await release();
} catch (error) {
  say({ error: { code: error.code, message: error.message, fix: error.fix } });
}
