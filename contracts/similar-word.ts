// pure

// Two letters that are wrong, missing or too many; in short words one.
const maxDistance = 2;

/** The candidate that somebody most likely meant by a word that is none of them, or undefined. */
export function similarWord(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined, least = Math.min(maxDistance, Math.floor(word.length / 3)) + 1;
  // No known word is as long; and the table below is as large as the word.
  if (word.length > 100) return undefined;
  for (const candidate of candidates) {
    const distance = distanceBetween(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Letters to change, add or leave out (Levenshtein). */
function distanceBetween(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    before = row;
  }
  return before[b.length] ?? 0;
}
