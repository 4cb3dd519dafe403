import { workerPort } from "../worker-port.ts";

const port = workerPort();
port.onMessage((message) => {
  if (message === "throw") throw new Error("thrown inside");
  if (message instanceof Int32Array) {
    Atomics.store(message, 0, 42);
    Atomics.notify(message, 0);
    return;
  }
  if (message instanceof WebAssembly.Module) port.post(WebAssembly.Module.exports(message).map(({ name }) => name));
  else port.post({ echo: message });
});
