// pure

/**
 * The text, cut to `maxLength` UTF-16 units at most. A cut one is a copy: a slice would keep the whole text in memory as
 * long as it lives.
 */
export function boundedText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return new TextDecoder().decode(new TextEncoder().encode(text.slice(0, maxLength).toWellFormed()));
}
