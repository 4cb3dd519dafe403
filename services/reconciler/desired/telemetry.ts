// pure
import type { TelemetrySettings } from "../settings.ts";

/** Of the OpenTelemetry operator: a collector is put into pods with this annotation. */
export const sidecarAnnotations: Readonly<Record<string, string>> = { "sidecar.opentelemetry.io/inject": "true" };

/** Variables that make a policy server push, whatever `spec.env` says. Source: reference/controller.md 3.7, 3.8. */
export function telemetryVariables(
  { metrics, traces, sidecar, collector }: TelemetrySettings,
): { name: string; value: string }[] {
  return [
    ...(metrics ? [{ name: "KUBEWARDEN_ENABLE_METRICS", value: "true" }] : []),
    ...(traces ? [{ name: "KUBEWARDEN_LOG_FMT", value: "otlp" }] : []),
    ...collector.env,
    ...(sidecar ? [{ name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://localhost:4317" }] : []),
  ];
}
