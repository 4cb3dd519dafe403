import { KubewardenError } from "../../contracts/errors.ts";
import { runProcess } from "../process/process.ts";
import { sleep, whenAborted } from "../sleep.ts";

// A program that does what its argument says, for the tests of runtime/process/process.ts.
await runProcess(async ({ signal }) => {
  switch (process.argv[2]) {
    case "usage":
      throw new KubewardenError("USAGE", "no such flag");
    case "fail":
      throw new KubewardenError("CONFIG_INVALID", `it is wrong: ${"ä".repeat(3000)}`);
    case "crash":
      setTimeout(() => {
        throw new Error("nobody caught this");
      }, 1);
      return await whenAborted(signal);
    case "reject":
      void Promise.reject(new Error("nobody awaited this"));
      return await whenAborted(signal);
    case "wait":
      process.stdout.write("ready\n");
      await whenAborted(signal);
      process.stdout.write("stopped in order\n");
      return;
    case "throw-when-stopped":
      process.stdout.write("ready\n");
      await sleep(60_000, signal);
      return;
    case "stubborn":
      process.stdout.write("ready\n");
      signal.addEventListener("abort", () => process.stdout.write("no\n"));
      return await sleep(60_000);
  }
});
