// pure
import { eightBytes, type Fields, hex, integer, messages, readMessage, text } from "./protobuf.ts";

/** What an OTLP request holds, as far as tests look. Field numbers: opentelemetry-proto 1.x. */
export type AttributeValue = string | number | boolean | AttributeValue[];
export type Attributes = Record<string, AttributeValue>;
export type ReceivedMetric = {
  resource: Attributes;
  scope: string;
  name: string;
  kind: "gauge" | "sum" | "histogram";
  points: { attributes: Attributes; value: number; bounds?: number[] }[];
};
export type ReceivedSpan = {
  resource: Attributes;
  scope: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  attributes: Attributes;
  events: { name: string; attributes: Attributes }[];
  statusCode: number;
};

/** `ExportMetricsServiceRequest`. The value of a histogram's point is its count. */
export function readMetrics(request: Uint8Array): ReceivedMetric[] {
  return eachInScope(readMessage(request), (metric) => {
    const found = ([["gauge", 5], ["sum", 7], ["histogram", 9]] as const).find(([, field]) => metric.has(field));
    if (found === undefined) throw new TypeError(`metric "${text(metric, 1)}" has no data`);
    const [kind, field] = found;
    const points = messages(metric, field).flatMap((data) => messages(data, 1));
    return {
      name: text(metric, 1),
      kind,
      points: points.map((point) => kind === "histogram" ? histogramPoint(point) : numberPoint(point)),
    };
  });
}

/** `ExportTraceServiceRequest`. */
export function readSpans(request: Uint8Array): ReceivedSpan[] {
  return eachInScope(readMessage(request), (span) => ({
    name: text(span, 5),
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    attributes: attributesOf(span, 9),
    events: messages(span, 11).map((event) => ({ name: text(event, 2), attributes: attributesOf(event, 3) })),
    statusCode: messages(span, 15).map((status) => integer(status, 3))[0] ?? 0,
  }));
}

/** Both requests have the same shape: resources, in them scopes, in them items. */
function eachInScope<T>(request: Fields, read: (item: Fields) => T): (T & { resource: Attributes; scope: string })[] {
  return messages(request, 1).flatMap((perResource) => {
    const resource = Object.assign({}, ...messages(perResource, 1).map((each) => attributesOf(each, 1)));
    return messages(perResource, 2).flatMap((perScope) => {
      const scope = messages(perScope, 1).map((each) => text(each, 1))[0] ?? "";
      return messages(perScope, 2).map((item) => ({ ...read(item), resource, scope }));
    });
  });
}

function numberPoint(point: Fields) {
  const value = point.has(6) ? eightBytes(point, 6, "fixed") : eightBytes(point, 4, "double");
  return { attributes: attributesOf(point, 7), value };
}

function histogramPoint(point: Fields) {
  const packed = point.get(7)?.[0] as Uint8Array | undefined ?? new Uint8Array();
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const bounds = Array.from({ length: packed.length / 8 }, (_, index) => view.getFloat64(8 * index, true));
  return { attributes: attributesOf(point, 9), value: eightBytes(point, 4, "fixed"), bounds };
}

function attributesOf(fields: Fields, field: number): Attributes {
  return Object.fromEntries(
    messages(fields, field).map((pair) => {
      const [value = new Map()] = messages(pair, 2);
      return [text(pair, 1), valueOf(value)];
    }),
  );
}

function valueOf(value: Fields): AttributeValue {
  if (value.has(1)) return text(value, 1);
  if (value.has(2)) return integer(value, 2) === 1;
  if (value.has(3)) return integer(value, 3);
  if (value.has(4)) return eightBytes(value, 4, "double");
  return messages(value, 5).flatMap((list) => messages(list, 1)).map(valueOf);
}
