import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from "@grpc/grpc-js";
import { serve } from "../http/server.ts";
import { sleep } from "../sleep.ts";
import { readMetrics, readSpans, type ReceivedMetric, type ReceivedSpan } from "./otlp-messages.ts";

/** An OpenTelemetry collector for tests: takes metrics and spans over the wire and keeps them. */
export type Collector = {
  url: string;
  /** The newest state of each metric. */
  metrics: Map<string, ReceivedMetric>;
  spans: ReceivedSpan[];
  /** Waits for what a look finds; the test runner bounds the time. */
  until<T>(look: () => T | undefined): Promise<T>;
  close(): void;
};

/** PEM; clients must show a certificate of `clientCa`. */
export type CollectorTls = { cert: string; key: string; clientCa: string };

/** OTLP/gRPC on `localhost`. */
export async function startGrpcCollector(tls?: CollectorTls): Promise<Collector> {
  const server = new Server();
  const { take, ...collector } = newCollector();
  for (const signal of ["metrics", "trace"] as const) {
    const handler: UntypedHandleCall = (
      call: { request: Uint8Array },
      done: (error: null, answer: Uint8Array) => void,
    ) => {
      take(signal, call.request);
      done(null, new Uint8Array());
    };
    server.addService(exportService(signal), { export: handler });
  }
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : ServerCredentials.createSsl(
    Buffer.from(tls.clientCa),
    [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => error ? reject(error) : resolve(bound));
  });
  const url = `${tls === undefined ? "http" : "https"}://localhost:${port}`;
  return { ...collector, url, close: () => server.forceShutdown() };
}

/** OTLP/HTTP with protobuf on `localhost`. */
export async function startHttpCollector(tls?: CollectorTls): Promise<Collector> {
  const stop = new AbortController();
  const { take, ...collector } = newCollector();
  const { port } = await serve(async (request) => {
    const signal = /^\/v1\/(metrics|trace)s?$/.exec(new URL(request.url).pathname)?.[1];
    if (signal === undefined) return new Response(null, { status: 404 });
    if (request.headers.get("content-type") !== "application/x-protobuf") return new Response(null, { status: 415 });
    take(signal as "metrics" | "trace", new Uint8Array(await request.arrayBuffer()));
    return new Response(new Uint8Array(), { headers: { "content-type": "application/x-protobuf" } });
  }, { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, ...(tls === undefined ? {} : { tls }) });
  const url = `${tls === undefined ? "http" : "https"}://localhost:${port}`;
  return { ...collector, url, close: () => stop.abort() };
}

function newCollector() {
  const metrics: Collector["metrics"] = new Map(), spans: Collector["spans"] = [];
  return {
    metrics,
    spans,
    take(signal: "metrics" | "trace", request: Uint8Array) {
      if (signal === "trace") spans.push(...readSpans(request));
      else for (const metric of readMetrics(request)) metrics.set(metric.name, metric);
    },
    async until<T>(look: () => T | undefined): Promise<T> {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        await sleep(10);
      }
    },
  };
}

function exportService(signal: "metrics" | "trace"): ServiceDefinition {
  const name = `${signal[0]?.toUpperCase()}${signal.slice(1)}Service`;
  const asBytes = (value: Uint8Array) => Buffer.from(value);
  return {
    export: {
      path: `/opentelemetry.proto.collector.${signal}.v1.${name}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: asBytes,
      requestDeserialize: asBytes,
      responseSerialize: asBytes,
      responseDeserialize: asBytes,
    },
  };
}
