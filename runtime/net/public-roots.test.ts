import "reflect-metadata";
import { X509Certificate } from "@peculiar/x509";
import { rootCertificates } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { publicRootsOf } from "./public-roots.ts";

test("public roots: each is found by its own name, and none by another", () => {
  for (const pem of rootCertificates.slice(0, 5)) {
    const root = new X509Certificate(pem);
    const found = publicRootsOf(new Uint8Array(root.subjectName.toArrayBuffer()));
    assert.ok(found.some((der) => new X509Certificate(der).equal(root)));
  }
  assert.equal(publicRootsOf(new TextEncoder().encode("nobody's name")), []);
});

test.run();
