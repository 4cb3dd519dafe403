// pure

/** How long and how often a download is tried. Times are in milliseconds. */
export type DownloadLimits = {
  /** Requests for one thing, the first included. */
  attempts: number;
  minDelayMs: number;
  maxDelayMs: number;
  /** The longest silence of a server. */
  idleMs: number;
  /** For one module, with everything that it takes. */
  totalMs: number;
  maxBytes: number;
};

/** Modules have some 100 KB to 15 MB; the largest that is taken bounds what one URL can make the server hold. */
export const downloadLimits: DownloadLimits = {
  attempts: 4,
  minDelayMs: 500,
  maxDelayMs: 20_000,
  idleMs: 30_000,
  totalMs: 15 * 60_000,
  maxBytes: 64 * 1024 * 1024,
};
