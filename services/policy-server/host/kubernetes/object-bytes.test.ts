import { test } from "uvu";
import * as assert from "uvu/assert";
import { ObjectBytes } from "./object-bytes.ts";

const store = () => new ObjectBytes({ head: '{"items":[', tail: "]}" });
const shown = (objects: ObjectBytes) => new TextDecoder().decode(objects.joined());

test("objects: are listed as JSON, none as an empty list", () => {
  const objects = store();
  assert.is(shown(objects), '{"items":[]}');
  objects.put("a", '"ä"');
  objects.put("b", "2");
  assert.is(shown(objects), '{"items":["ä",2]}');
  assert.is(objects.joinedSize, objects.joined().length);
  assert.equal([objects.count, objects.size], [2, 5]);
});

test("objects: every change is in the next answer; what stays the same changes nothing", () => {
  const objects = store();
  objects.put("a", "1");
  objects.put("b", "2");
  objects.put("c", "3");
  const first = objects.joined();
  assert.is(objects.joined(), first);
  objects.put("b", "2");
  objects.drop("nothing");
  assert.is(objects.joined(), first);
  const { changes } = objects;
  objects.put("b", "20");
  objects.drop("a");
  assert.is(shown(objects), '{"items":[20,3]}');
  assert.ok(objects.changes > changes);
  assert.is(new TextDecoder().decode(first), '{"items":[1,2,3]}', "what was answered stays as it was");
  objects.keepOnly(new Set(["c"]));
  assert.is(shown(objects), '{"items":[3]}');
  assert.equal([objects.count, objects.size], [1, 1]);
});

test.run();
