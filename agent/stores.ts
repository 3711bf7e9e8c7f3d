/**
 * What an agent keeps on its server: artifacts, documents and logs. The server may still be away when the agent starts:
 * then whoever needs a store waits for the first connection, as later one waits out an outage.
 */
import type { Bus } from "../shared/bus/connection.ts";
import type { Artifact } from "../shared/model/outcome.ts";
import { AckInbox } from "../shared/store/ack-inbox.ts";
import { ArtifactStore, type DownloadOptions } from "../shared/store/artifact-store.ts";
import { getDocument } from "../shared/store/document.ts";
import { JetStreamObjects } from "../shared/store/jetstream-objects.ts";
import { LogShipper } from "../shared/store/log-writer.ts";
import type { Objects } from "../shared/store/objects.ts";
import type { LogSink } from "./actors/attempt-log.ts";
import type { ArtifactSink } from "./actors/attempt-tools.ts";
import { openLogSink } from "./actors/log-sinks.ts";
import type { AttemptRecord } from "./workspaces/attempt-record.ts";
import type { ArtifactSource } from "./workspaces/input-cache.ts";

interface Opened {
  readonly acks: AckInbox;
  readonly objects: Objects;
  readonly artifacts: ArtifactStore;
  readonly shipper: LogShipper;
}

export class Stores implements ArtifactSink, ArtifactSource {
  readonly #agent: string;
  readonly #opened: Promise<Opened>;
  readonly #shipper: Promise<LogShipper>;

  constructor(agent: string, connected: Promise<Bus>) {
    this.#agent = agent;
    this.#opened = connected.then(open);
    this.#shipper = this.#opened.then(({ shipper }) => shipper);
    // Without a connection for good the agent ends, and says why.
    this.#shipper.catch(() => undefined);
  }

  async upload(root: string, patterns: readonly string[]): Promise<Artifact | null> {
    return await (await this.#opened).artifacts.upload(root, patterns);
  }

  async download(digest: string, folder: string, options: DownloadOptions): Promise<Artifact> {
    return await (await this.#opened).artifacts.download(digest, folder, options);
  }

  async readDocument(digest: string, signal: AbortSignal): Promise<unknown> {
    return await getDocument((await this.#opened).objects, "data", digest, { signal });
  }

  openLogSink(record: AttemptRecord, fromOffset: number): LogSink {
    return openLogSink(this.#shipper, this.#agent, record, fromOffset);
  }

  /** What is on its way is lost; to be called once the connection is there, or never will be. */
  async close(): Promise<void> {
    const [opened] = await Promise.allSettled([this.#opened]);
    if (opened.status === "rejected") return;
    opened.value.shipper.close();
    opened.value.acks.close();
  }
}

function open(bus: Bus): Opened {
  const acks = new AckInbox(bus.connection);
  const objects = new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket(), acks });
  return { acks, objects, artifacts: new ArtifactStore(objects), shipper: new LogShipper(bus, { acks }) };
}
