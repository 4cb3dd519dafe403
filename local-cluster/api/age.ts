// pure

/** How long ago, as kubectl prints it: `5s`, `3m20s`, `4h`, `12d`. */
export function age(since: unknown, now: Date): string {
  const from = Date.parse(String(since ?? ""));
  if (Number.isNaN(from)) return "<unknown>";
  const seconds = Math.max(0, Math.floor((now.getTime() - from) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 && hours % 24 !== 0 ? `${days}d${hours % 24}h` : `${days}d`;
}
