/** What a repository's `config.toml` sets, after all that lies over it. */

/** An image that jobs may run in, with the name that people type. */
export interface ImageName {
  readonly name: string;
  readonly shortName: string | undefined;
}

/** Folders of a store; undefined where nothing names one. Absolute. */
export interface StoreFolders {
  /** `<staging>/<run>/<path>`. */
  readonly staging: string | undefined;
  /** `<releasesRoot>/<store>/<path>`. */
  readonly releasesRoot: string | undefined;
  /** `<sourceCache>/<name>-<version>/<source id>.source`. */
  readonly sourceCache: string | undefined;
  readonly logDir: string | undefined;
}

export interface RepositoryConfig {
  /** In the order in which scripts have them. */
  readonly availablePhases: readonly string[];
  /** First line of every script. */
  readonly shebang: string;
  /** Whether a variable that is missing fails the rendering of a script. */
  readonly strictScripts: boolean;
  /** Program that gets each script on its standard input. */
  readonly scriptLinter: string | undefined;
  /** Lines of a failed job's log that are shown. */
  readonly buildErrorLines: number;
  /** The images jobs may run in; undefined where the configuration does not restrict them. */
  readonly images: readonly ImageName[] | undefined;
  /** Variables that users may set; undefined where any may be set. */
  readonly allowedEnv: readonly string[] | undefined;
  /** Variables that get the author and the commit of the repository. */
  readonly gitAuthorVariable: string | undefined;
  readonly gitCommitVariable: string | undefined;
  readonly releaseStores: readonly string[];
  readonly folders: StoreFolders;
  /** What is set and has no meaning here, for people. */
  readonly notes: readonly string[];
}
