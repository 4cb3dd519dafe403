import { test } from "uvu";
import * as assert from "uvu/assert";
import { isSameTemplate, templateHash, withTemplateHash } from "./pod-template.ts";

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "i:1" }] } };

test("template hash: is a label value of ten safe characters, the same for the same pod", () => {
  const hash = templateHash(template);
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2-9]{10}$/);
  assert.is(templateHash({ spec: template.spec, metadata: template.metadata }), hash);
  assert.is(templateHash(withTemplateHash(template, hash)), hash);
});

test("template hash: another image is another hash", () => {
  const other = { ...template, spec: { containers: [{ name: "c", image: "i:2" }] } };
  assert.is.not(templateHash(other), templateHash(template));
  assert.not(isSameTemplate(other, template));
});

test.run();
