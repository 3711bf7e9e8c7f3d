/** What a nats-server has counted so far, as its monitoring tells it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Subjects } from "../../../shared/bus/subjects.ts";
import type { TestServer } from "../../support/nats-server.ts";

/** For the server's configuration: monitoring on a port of its own. */
export const monitoringConfig = `http: "127.0.0.1:-1"`;

export interface ServerCounters {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly journalAppends: number;
  readonly eventMessages: number;
  /** What somebody waits for: publishes that a stream acknowledges, and requests to JetStream. */
  readonly roundTrips: number;
}

const portsSchema = z.object({ monitoring: z.array(z.url()).min(1) });
const varzSchema = z.object({
  in_msgs: z.number(),
  out_msgs: z.number(),
  in_bytes: z.number(),
  out_bytes: z.number(),
});
const jszSchema = z.object({
  api: z.object({ total: z.number() }),
  account_details: z
    .array(
      z.object({
        stream_detail: z
          .array(z.object({ name: z.string(), state: z.object({ last_seq: z.number() }) }))
          .default([]),
      }),
    )
    .default([]),
});

export class ServerMonitor {
  readonly #url: string;
  readonly #subjects: Subjects;

  private constructor(url: string, namespace: string) {
    this.#url = url;
    this.#subjects = new Subjects(namespace);
  }

  /** Of a server that was started with `monitoringConfig`. */
  static async of(server: TestServer, namespace = "default"): Promise<ServerMonitor> {
    const text = await readFile(join(server.dataFolder, `nats-server_${server.pid()}.ports`), "utf8");
    const [url] = portsSchema.parse(JSON.parse(text)).monitoring;
    return new ServerMonitor(url!, namespace);
  }

  async read(): Promise<ServerCounters> {
    const varz = varzSchema.parse(await this.#get("/varz"));
    const jsz = jszSchema.parse(await this.#get("/jsz?streams=true&accounts=true"));
    const stored = new Map<string, number>();
    for (const { stream_detail: streams } of jsz.account_details)
      for (const { name, state } of streams) stored.set(name, state.last_seq);
    const lastSeq = (stream: string): number => stored.get(stream) ?? 0;
    const all = [...stored.values()].reduce((sum, seq) => sum + seq, 0);
    return {
      messagesIn: varz.in_msgs,
      messagesOut: varz.out_msgs,
      bytesIn: varz.in_bytes,
      bytesOut: varz.out_bytes,
      journalAppends: lastSeq(this.#subjects.journalStream()),
      eventMessages: lastSeq(this.#subjects.eventStream()),
      // Heartbeats are published without waiting.
      roundTrips: jsz.api.total + all - lastSeq(this.#subjects.heartbeatStream()),
    };
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(this.#url + path);
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    return response.json();
  }
}
