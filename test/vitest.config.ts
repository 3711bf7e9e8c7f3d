import { defineConfig } from "vitest/config";

const slow = { testTimeout: 60_000, hookTimeout: 60_000 };
const patient = { testTimeout: 900_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // Most of them wait for processes, so two at a time suit a machine of two cores, too.
    maxWorkers: 2,
    projects: [
      { test: { name: "unit", include: ["test/{unit,property}/**/*.test.ts"], testTimeout: 20_000 } },
      // A worker process for each core: two tests at a time are enough.
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], ...patient, maxConcurrency: 2 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...slow } },
      {
        test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});
