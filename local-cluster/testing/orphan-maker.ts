/** Starts a process that the reaper knows, prints its pid and waits to be killed. Its argument is a folder to lose. */
import { spawn } from "node:child_process";
import { startReaper } from "../node/reaper.ts";

const reaper = startReaper({ folder: process.argv[2] });
const child = spawn("sleep", ["600"], { stdio: "ignore", detached: true });
if (child.pid !== undefined) reaper.add(child.pid);
console.log(`${child.pid}`);
setInterval(() => {}, 1000);
