import type { PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "./log.ts";

export type OtlpSignal = "METRICS" | "TRACES";
export type OtlpProtocol = "grpc" | "http/protobuf";

/**
 * How a signal travels: `OTEL_EXPORTER_OTLP_<signal>_PROTOCOL`, then `OTEL_EXPORTER_OTLP_PROTOCOL`, then gRPC, upstream's
 * only one. A value nobody knows is told of and left aside, as OpenTelemetry wants it.
 */
export function otlpProtocol(signal: OtlpSignal, log: Log): OtlpProtocol {
  for (const name of [`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    const value = process.env[name]?.trim() ?? "";
    if (value === "grpc" || value === "http/protobuf") return value;
    // The same endpoint, and every collector that takes JSON takes protobuf.
    if (value === "http/json") return "http/protobuf";
    if (value !== "") log.warn("Unknown OTLP protocol, expected grpc or http/protobuf", { variable: name, value });
  }
  return "grpc";
}

/**
 * Exporters read endpoint, headers, timeout, compression, certificates and temporality from `OTEL_EXPORTER_OTLP_*`
 * themselves. Each is loaded when it is asked for: gRPC alone is as large as the rest of this server.
 */
export async function newMetricExporter(protocol: OtlpProtocol): Promise<PushMetricExporter> {
  const { OTLPMetricExporter } = protocol === "grpc"
    ? await import("@opentelemetry/exporter-metrics-otlp-grpc")
    : await import("@opentelemetry/exporter-metrics-otlp-proto");
  return new OTLPMetricExporter();
}

/** The same for spans. */
export async function newSpanExporter(protocol: OtlpProtocol): Promise<SpanExporter> {
  const { OTLPTraceExporter } = protocol === "grpc"
    ? await import("@opentelemetry/exporter-trace-otlp-grpc")
    : await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter();
}
