import { type AddressInfo, createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { listen, type ListenFlags } from "./listen.ts";

const servers: ReturnType<typeof createServer>[] = [];
test.after(() => servers.forEach((each) => each.close()));

async function listening(o: { host?: string; port?: number; flags?: ListenFlags } = {}): Promise<number> {
  const server = createServer();
  servers.push(server);
  await listen(server, { host: "127.0.0.1", port: 0, ...o });
  return (server.address() as AddressInfo).port;
}
async function refusalOf(o: Parameters<typeof listening>[0]): Promise<string> {
  const error = await listening(o).catch((each: unknown) => each);
  assert.ok(error instanceof KubewardenError);
  assert.is(error.code, "ADDRESS_UNAVAILABLE");
  return error.message;
}
const flags = { address: "--addr", port: "--port" };

test("listen: a port that is taken is named, with what to do and by which flag", async () => {
  const port = await listening();
  const taken =
    `Cannot listen on 127.0.0.1:${port}: another process listens there already. Stop it, or choose another port`;
  assert.is(await refusalOf({ port, flags }), `${taken} with --port`);
  assert.is(await refusalOf({ port }), taken);
});

test("listen: an address that this machine does not have is named", async () => {
  assert.is(
    await refusalOf({ host: "192.0.2.1", flags }),
    "Cannot listen on 192.0.2.1:0: this machine has no such address. Choose another with --addr",
  );
});

test("listen: once it listens its later errors are others' to handle", async () => {
  const server = createServer();
  servers.push(server);
  await listen(server, { host: "127.0.0.1", port: 0 });
  assert.is(server.listenerCount("error"), 0);
});

test.run();
