import { workerPort } from "../worker-port.ts";

// A worker that is busy for most of the time, in a function of a name that profiles can show, until it is ended.
function spinInWorker(): void {
  const end = performance.now() + 15;
  while (performance.now() < end) Math.sqrt(end);
}

setInterval(spinInWorker, 20);
workerPort().post("spinning");
