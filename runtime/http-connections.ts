import type { Socket } from "node:net";

/** Open connections and whether each is busy; our own books, since not every runtime keeps them. */
export class Connections {
  readonly #busy = new Map<Socket, boolean>();
  #draining = false;

  add(socket: Socket, busy: boolean): void {
    this.#busy.set(socket, busy);
    socket.on("close", () => this.#busy.delete(socket));
  }

  busy(socket: Socket): void {
    this.#busy.set(socket, true);
  }

  idle(socket: Socket): void {
    if (this.#draining) socket.end();
    else if (this.#busy.has(socket)) this.#busy.set(socket, false);
  }

  drain(ms: number): void {
    this.#draining = true;
    for (const [socket, busy] of this.#busy) if (!busy) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#busy.keys()) socket.destroy();
    }, ms);
    timer.unref();
  }
}
