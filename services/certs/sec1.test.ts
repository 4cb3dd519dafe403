import { test } from "uvu";
import * as assert from "uvu/assert";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { pkcs8FromSec1, sec1FromPkcs8 } from "./sec1.ts";

for (const namedCurve of ["P-256", "P-384", "P-521"]) {
  test(`sec1: a ${namedCurve} key keeps its value through both conversions`, () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    const sec1 = sec1FromPkcs8(privateKey.export({ type: "pkcs8", format: "der" }));
    assert.equal(Buffer.from(sec1), privateKey.export({ type: "sec1", format: "der" }));
    const back = pkcs8FromSec1(sec1);
    assert.is(back.namedCurve, namedCurve);
    const again = createPrivateKey({ key: Buffer.from(back.pkcs8), format: "der", type: "pkcs8" });
    assert.equal(again.export({ format: "jwk" }), privateKey.export({ format: "jwk" }));
  });
}

test("sec1: bytes that are not an EC key are refused", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "der" });
  const cases = [
    new Uint8Array(),
    Uint8Array.of(0x30),
    Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x01),
    rsa.subarray(0, 40),
  ];
  for (const bytes of cases) {
    assert.throws(() => sec1FromPkcs8(bytes), (error: unknown) => error instanceof RangeError);
    assert.throws(() => pkcs8FromSec1(bytes), (error: unknown) => error instanceof RangeError);
  }
});

test.run();
