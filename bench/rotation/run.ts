import { tmpdir } from "node:os";
import { untilCondition, untilDenied } from "../../local-cluster/demo/looks.ts";
import { installedCluster } from "../../test/installed-cluster.ts";
import { denialOfGreedy, greedy, privilegedPods } from "../../test/privileged-pods.ts";
import {
  endFormerTrust,
  forRotations,
  patient,
  replaceServingCertificate,
  rotateAuthority,
  underLoad,
} from "../../test/rotation-load.ts";
import { currentRuntime } from "../../tools/runtimes.ts";

const minutes = Number(process.argv[2]);
const installed = await installedCluster({ moreModules: tmpdir(), change: forRotations(3) });
try {
  const stage = patient(installed);
  await untilCondition(stage, privilegedPods, "PolicyActive");
  await untilDenied(stage, greedy, denialOfGreedy);
  const end = performance.now() + minutes * 60_000;
  const done = { authorities: 0, certificates: 0 };
  const work = async () => {
    do {
      await rotateAuthority(installed);
      done.authorities++;
      await replaceServingCertificate(installed);
      done.certificates++;
      await endFormerTrust(installed);
    } while (performance.now() < end);
  };
  const { asked, lost } = await underLoad(installed, { work, atLeast: 1 });
  console.log(
    `\n${currentRuntime}, ${minutes} minutes: ${done.authorities} new authorities, ${done.certificates} certificates ` +
      `replaced besides; ${asked.throughApiServer} requests through the API server, ${asked.ofPods} to single pods`,
  );
  console.log(`lost: ${lost.length}`);
  for (const each of new Set(lost)) console.log(`  ${each}`);
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  await installed.stop();
}
