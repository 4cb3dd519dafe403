/** Runs every benchmark and prints ratios, each measured within one run: figures of different machines do not compare. */
import { meteringRatio } from "./metering.ts";

const ratio = meteringRatio();
console.log(`metered guest / plain guest, 50 KB review: ${ratio.toFixed(2)} x the time`);
