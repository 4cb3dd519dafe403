/**
 * A process that has begun to take a module into the store of the folder that is its argument, and waits: for tests that
 * kill it.
 */
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { ModuleStore } from "../modules/store/module-store.ts";
import { longWasm } from "./supply.ts";

const incoming = await new ModuleStore(process.argv[2] ?? "", { log: silentLog }).receive();
await incoming.write(longWasm(5000));
console.log("halfway");
setInterval(() => {}, 1000);
