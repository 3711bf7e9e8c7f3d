import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { ensureStreams } from "../../../shared/bus/streams.ts";
import { startNatsServer, type TestServer } from "../../support/nats-server.ts";

export interface StoreServer {
  readonly server: TestServer;
  readonly bus: Bus;
  readonly bucket: string;
  /** One more connection to the same server. */
  connect(): Promise<Bus>;
  /** A folder that is removed at the end. */
  folder(): Promise<string>;
  close(): Promise<void>;
}

/** A server with the streams of one namespace, and what must be ended with it. */
export async function startStoreServer(config?: string): Promise<StoreServer> {
  const server = await startNatsServer(config === undefined ? {} : { config });
  const buses: Bus[] = [];
  const folders: string[] = [];
  const connect = async () => {
    const bus = await connectBus({ server: server.url, name: "store-test", namespace: "test" });
    buses.push(bus);
    return bus;
  };
  const bus = await connect();
  await ensureStreams(bus);
  return {
    server,
    bus,
    bucket: bus.subjects.objectBucket(),
    connect,
    folder: async () => {
      const folder = await mkdtemp(join(tmpdir(), "millrace-store-"));
      folders.push(folder);
      return folder;
    },
    close: async () => {
      await Promise.all(buses.map((each) => each.close()));
      await server.stop();
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    },
  };
}

/** One that ends with the test that asks for it, however that ends. */
export async function serverOfTest(config?: string): Promise<StoreServer> {
  const server = await startStoreServer(config);
  onTestFinished(() => server.close());
  return server;
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
