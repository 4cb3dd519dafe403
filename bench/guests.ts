/**
 * `npm run bench -- guests`: what an evaluation of one small policy costs, built by several compilers, on a guest that is
 * kept and on one that is made for it. In processor time of this process, so that a busy machine matters less.
 */
import { readFile } from "node:fs/promises";
import { guestInput } from "../services/policy-server/admission/guest-input.ts";
import { Deadline } from "../services/policy-server/guest/deadline.ts";
import type { GuestOptions } from "../services/policy-server/guest/guest.ts";
import { type GuestModule, KeptGuests } from "../services/policy-server/guest/kept-guests.ts";
import { compileModule } from "../services/policy-server/modules/compile.ts";
import { exampleUrl } from "../services/policy-server/testing/guests.ts";

const builds = ["c", "rust", "go", "c-wasi", "opa", "gatekeeper"];
const settings = '{"annotation":"owner"}';
const request = JSON.stringify({ uid: "1", object: { metadata: { name: "p", annotations: { owner: "me" } } } });

export async function benchGuests(): Promise<void> {
  for (const name of builds) {
    const guest = await guestOf(name);
    const kept = new KeptGuests({ maxBytes: 1 << 27 });
    const once = () => new KeptGuests({ maxBytes: 0 });
    const keptMs = cost(500, () => evaluate(guest, kept)), freshMs = cost(100, () => evaluate(guest, once()));
    console.log(`${name.padEnd(10)} kept ${keptMs.toFixed(2)} ms, fresh ${freshMs.toFixed(2)} ms`);
  }
}

async function guestOf(name: string): Promise<GuestModule> {
  const bytes = Uint8Array.from(await readFile(new URL(exampleUrl(`required-annotation/${name}/policy`))));
  const { module, metadata } = await compileModule(bytes, { serverVersion: "1.36.0" });
  return { digest: name, mode: metadata.executionMode, module };
}

function evaluate(guest: GuestModule, guests: KeptGuests): void {
  const options: GuestOptions = {
    deadline: new Deadline(30_000),
    hostCall: () => new Uint8Array(),
    write: () => {},
    retired: () => {},
  };
  const call = { operation: "validate" as const, ...guestInput(guest.mode, { request, settings }) };
  const outcome = guests.call(guest, call, options);
  guests.tidy(() => {});
  if (outcome.kind !== "answered") throw new Error(`${guest.digest} did not answer`);
}

/** Milliseconds of one round, after as many to warm up as a tenth of the rounds. */
function cost(rounds: number, round: () => void): number {
  for (let count = 0; count < rounds / 10; count++) round();
  const before = process.cpuUsage();
  for (let count = 0; count < rounds; count++) round();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / rounds;
}
