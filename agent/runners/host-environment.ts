/** What of the agent's own environment reaches shell jobs. Everything else stays out: a job is not its agent. */

const passed = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TMPDIR",
  // How this host reaches the network: proxies, the certificates to trust, and where packages come from.
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "NODE_EXTRA_CA_CERTS",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "npm_config_registry",
  "NPM_CONFIG_REGISTRY",
  "PIP_INDEX_URL",
  "GOPROXY",
];

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The variables of `environment` that pass through: the stated list, `LC_*`, and `extra`. */
export function hostEnvironment(
  environment: NodeJS.ProcessEnv,
  extra: readonly string[] = [],
): Record<string, string> {
  const allowed = new Set([...passed, ...extra]);
  const result: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (allowed.has(name) || name.startsWith("LC_"))) result[name] = value;
  }
  return result;
}
