import { MemoryReuseStore } from "../../../coordinator/journal/memory-reuse-store.ts";
import { describeReuseStore } from "../../support/reuse-store-conformance.ts";

describeReuseStore("memory", () => Promise.resolve(new MemoryReuseStore()));
