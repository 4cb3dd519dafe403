import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../../contracts/kubernetes.ts";
import { parseFieldMask } from "./field-mask.ts";
import { maskObject, trimListed } from "./trim.ts";

const pod: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "a",
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "kept" },
    managedFields: [{ manager: "kubectl" }],
  },
  spec: { nodeName: "n", containers: [{ name: "c", image: "i:1" }, { name: "d", image: "i:2" }] },
  status: { phase: "Running" },
};

test("AT-075: of a listed object managedFields are emptied and the last applied configuration is removed", () => {
  assert.equal(trimListed(pod, undefined), {
    ...pod,
    metadata: { name: "a", annotations: { mine: "kept" }, managedFields: [] },
  });
  assert.equal(trimListed({ ...pod, metadata: { name: "b" } }, undefined).metadata, {
    name: "b",
    annotations: {},
    managedFields: [],
  });
  assert.is(pod.metadata.annotations?.mine, "kept");
});

test("AT-075: a mask of images keeps images only, beside type and metadata", () => {
  assert.equal(trimListed(pod, parseFieldMask(["spec.containers.image"])), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", annotations: { mine: "kept" }, managedFields: [] },
    spec: { containers: [{ image: "i:1" }, { image: "i:2" }] },
  });
});

test("AT-075: four masks of a vulnerability report leave exactly these fields", () => {
  const vulnerability = { cve: "CVE-1", fixedVersions: ["2"], severity: "High", suppressed: false };
  const report: KubeObject = {
    apiVersion: "storage.example/v1",
    kind: "VulnerabilityReport",
    metadata: { name: "r" },
    report: { results: [{ target: "t", vulnerabilities: [{ ...vulnerability, title: "long", references: ["url"] }] }] },
  };
  const paths = Object.keys(vulnerability).map((field) => `report.results.vulnerabilities.${field}`);
  const { report: left } = trimListed(report, parseFieldMask(paths));
  assert.equal(left, { results: [{ vulnerabilities: [vulnerability] }] });
});

test("mask: paths into the metadata only leave type and metadata", () => {
  const { apiVersion, kind, metadata } = pod;
  assert.equal(maskObject(pod, parseFieldMask(["metadata.name"])), { apiVersion, kind, metadata });
});

test.run();
