import { test } from "uvu";
import * as assert from "uvu/assert";
import { Passes } from "./passes.ts";

test("passes: those in progress are waited for, whether they succeed or not; later and other ones are not", async () => {
  const passes = new Passes();
  const [first, other] = [passes.begin("policy/a"), passes.begin("server/b")];
  const said: string[] = [];
  const waiting = passes.ended((key) => key.startsWith("policy/")).then(() => said.push("ended"));
  const later = passes.begin("policy/later");
  said.push("first ends");
  first();
  await waiting;
  assert.equal(said, ["first ends", "ended"]);
  await passes.ended((key) => key === "policy/a");
  other();
  later();
  await passes.ended(() => true);
});

test.run();
