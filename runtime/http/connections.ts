import type { Socket } from "node:net";

/** How a protocol with many requests on a connection ends it: no new ones, the running ones to their end. */
export type Session = { close(): void };

type Connection = { openedAt: number; sockets: Set<Socket>; session?: Session; running: number; fresh: boolean };

// One that was made before the end may still be about to ask for the first time.
const freshGraceMs = 1000;

/** Open connections and how many requests run on each; our own books, since not every runtime keeps them. */
export class Connections {
  /** In the order of their last use. */
  readonly #open = new Set<Connection>();
  readonly #bySocket = new Map<Socket, Connection>();
  readonly #byPeer = new Map<string, Connection>();
  readonly #max: number;
  #draining = false;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * A new connection. At the limit the one that has rested longest is closed in its favour, so that a flood of idle
   * connections locks nobody out; if all are busy the new one is closed at once. False if it was.
   */
  add(socket: Socket): boolean {
    if (this.#open.size >= this.#max) {
      const resting = this.#open.values().find(({ running }) => running === 0);
      if (resting === undefined) {
        socket.destroy();
        return false;
      }
      this.#close(resting);
    }
    const connection: Connection = { openedAt: performance.now(), sockets: new Set(), running: 0, fresh: true };
    this.#open.add(connection);
    this.#byPeer.set(peer(socket), connection);
    this.#own(connection, socket, peer(socket));
    return true;
  }

  /** The encrypted side of a connection that is known by its raw one: when that was opened, undefined if it is gone. */
  secured(socket: Socket): number | undefined {
    const connection = this.#byPeer.get(peer(socket));
    if (connection) this.#own(connection, socket, peer(socket));
    return connection?.openedAt;
  }

  /** The connection has become a session that ends in its own way. */
  session(socket: Socket, session: Session): void {
    const connection = this.#bySocket.get(socket);
    if (connection) connection.session = session;
    if (this.#draining) session.close();
  }

  /** A request begins on a connection; says how many run there now. */
  busy(socket: Socket): number {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) return 1;
    connection.fresh = false;
    return ++connection.running;
  }

  idle(socket: Socket): void {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || --connection.running > 0) return;
    this.#open.delete(connection);
    this.#open.add(connection);
    if (this.#draining && !connection.session) socket.end();
  }

  /** Closes what rests, lets the rest finish, and cuts off what is left after a time. */
  drain(ms: number): void {
    this.#draining = true;
    const closeResting = (fresh: boolean) => {
      for (const connection of [...this.#open]) {
        if (connection.session) connection.session.close();
        else if (connection.running === 0 && connection.fresh === fresh) this.#close(connection);
      }
    };
    closeResting(false);
    setTimeout(() => closeResting(true), Math.min(ms, freshGraceMs)).unref();
    setTimeout(() => [...this.#open].forEach((each) => this.#close(each)), ms).unref();
  }

  #own(connection: Connection, socket: Socket, key: string): void {
    connection.sockets.add(socket);
    this.#bySocket.set(socket, connection);
    socket.once("close", () => {
      this.#bySocket.delete(socket);
      this.#open.delete(connection);
      if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
    });
  }

  #close(connection: Connection): void {
    this.#open.delete(connection);
    for (const socket of connection.sockets) socket.destroy();
  }
}

function peer({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
