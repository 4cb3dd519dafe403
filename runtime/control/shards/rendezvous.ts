// pure

/**
 * Who of the members has the key: the one with the highest hash of both (rendezvous hashing). A member that comes or goes
 * moves only its own share. `undefined` if there is no member.
 */
export function ownerOf(key: string, members: readonly string[]): string | undefined {
  let owner: string | undefined, highest = -1;
  for (const member of members) {
    const weight = hash(`${member}\n${key}`);
    if (weight > highest || weight === highest && member > (owner ?? "")) [owner, highest] = [member, weight];
  }
  return owner;
}

/** FNV-1a, and the last mixing step of MurmurHash3, without which names that differ in their end hash alike. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return (value ^ value >>> 16) >>> 0;
}
