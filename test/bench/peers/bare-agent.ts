/** The agent's side of the bare exchange: each request is answered at once, as one that succeeded. */
import { connectBus } from "../../../shared/bus/connection.ts";
import { AGENT, type BareRequest, type BareResult, codec } from "./bare-messages.ts";

process.once("disconnect", () => process.exit());
const bus = await connectBus({
  server: process.env.MILLRACE_SERVER!,
  name: "bare agent",
  namespace: "default",
});
const reports = bus.subjects.fromAgent(AGENT, "report");

bus.connection.subscribe(bus.subjects.toAgent(AGENT), {
  callback: (_error, message) => {
    const requests = codec.decode(message.data) as BareRequest[];
    bus.connection.publish(reports, codec.encode(requests.map(resultOf)));
  },
});
await bus.connection.flush();

process.send!("ready");

function resultOf({ run, job, attempt, lease }: BareRequest): BareResult {
  return { run, job, attempt, lease, result: { outcome: { kind: "succeeded" }, wallMs: 0 } };
}
