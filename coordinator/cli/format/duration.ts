/** A duration for people: `850 ms`, `12.3 s`, `3m 12s`, `2h 05m`, `3d 4h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return formatSeconds(Math.round(ms / 1000));
}

/** A duration that is watched as it grows: whole seconds from the start, so that it does not flicker. */
export function formatElapsed(durationMs: number): string {
  const seconds = Math.floor(Math.max(0, durationMs) / 1000);
  return seconds < 60 ? `${seconds}s` : formatSeconds(seconds);
}

/** How long ago a moment was: `12.3 s ago`. */
export function formatAge(at: string, nowMs: number): string {
  return `${formatElapsed(nowMs - Date.parse(at))} ago`;
}

function formatSeconds(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`;
  if (hours < 24) return `${hours}h ${twoDigits(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
