import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface SecureServer extends AsyncDisposable {
  readonly url: string;
  /** File of the certificate, which nobody knows. */
  readonly certificate: string;
}

/** A server that has one file under every path, with a certificate of its own made in the folder. */
export async function secureServer(folder: string, content: Buffer): Promise<SecureServer> {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", key, "-out", certificate];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, ...files],
    {
      stdio: "pipe",
    },
  );
  const credentials = { key: readFileSync(key), cert: readFileSync(certificate) };
  const server = createServer(credentials, (_, response) => void response.end(content));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificate,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
