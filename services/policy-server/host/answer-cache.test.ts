import { test } from "uvu";
import * as assert from "uvu/assert";
import { ManualClock } from "../../../runtime/testing/manual-clock.ts";
import { answerOf } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";

const never = new AbortController().signal;

/** A cache of two entries and ten bytes for a second; `asked` are the works that were started. */
function cache() {
  const clock = new ManualClock(), asked: string[] = [];
  const answers = new AnswerCache({ ttlMs: 1000, maxEntries: 2, maxBytes: 10, now: () => clock.now() });
  const ask = async (key: string, text = key, signal = never) => {
    const make = async () => {
      asked.push(key);
      if (text === "fail") throw new Error("failed");
      return answerOf(text);
    };
    return await answers.get(key, { signal, make }).then((bytes) => new TextDecoder().decode(bytes), (e) => e.message);
  };
  return { clock, asked, answers, ask };
}

test("answers: are kept for their time and then asked for again", async () => {
  const { clock, asked, ask } = cache();
  assert.equal([await ask("a", "1"), await ask("a", "2")], ["1", "1"]);
  clock.advance(999);
  assert.is(await ask("a", "3"), "1");
  clock.advance(1);
  assert.is(await ask("a", "4"), "4");
  assert.equal(asked, ["a", "a"]);
});

test("answers: failures are not kept", async () => {
  const { answers, ask } = cache();
  assert.equal([await ask("a", "fail"), await ask("a", "fine")], ["failed", "fine"]);
  assert.is(answers.size, 1);
});

test("answers: the oldest makes room, and one too large is not kept", async () => {
  const { asked, answers, ask } = cache();
  for (const key of ["a", "b", "c", "b", "a"]) await ask(key);
  assert.equal(asked, ["a", "b", "c", "a"]);
  assert.is(await ask("long", "more than ten bytes"), "more than ten bytes");
  assert.is(answers.size, 0);
});

test("answers: who asks the same at the same time waits for one work, which ends only when nobody waits", async () => {
  const { answers } = cache();
  const work = Promise.withResolvers<Uint8Array>();
  let started = 0, stopped: AbortSignal | undefined;
  const make = (signal: AbortSignal) => {
    started++;
    stopped = signal;
    return work.promise;
  };
  const [one, other, last] = [new AbortController(), new AbortController(), new AbortController()];
  const [first, second] = [one, other].map(({ signal }) => answers.get("a", { signal, make }).catch((e) => e.message));
  assert.is(started, 1);
  one.abort(new Error("one left"));
  assert.is(await first, "one left");
  assert.not.ok(stopped?.aborted);
  other.abort(new Error("other left"));
  assert.is(await second, "other left");
  assert.ok(stopped?.aborted);
  assert.is(answers.size, 0);
  // The work of those who left answers nobody else.
  const third = answers.get("a", { signal: last.signal, make: () => Promise.resolve(answerOf("new")) });
  work.resolve(answerOf("old"));
  assert.equal(await third, answerOf("new"));
  assert.equal(await answers.get("a", { signal: never, make }), answerOf("new"));
});

test("answers: a slow question keeps nobody else waiting", async () => {
  const { answers, ask } = cache();
  const gone = new AbortController();
  const slow = answers.get("slow", { signal: gone.signal, make: () => new Promise(() => {}) }).catch(() => "left");
  assert.is(await ask("a"), "a");
  gone.abort();
  assert.is(await slow, "left");
});

test.run();
