// pure
import { isRawNumber, parseJson, stringifyJson } from "../../../contracts/json.ts";
import { concat } from "../guest/wasm-binary.ts";
import type { ExecutionMode } from "../policies/execution-mode.ts";

/** The request, the policy's settings, and what of the cluster it may see, each as JSON text. */
export type InputParts = { request: string; settings: string; context?: Uint8Array | undefined };

/** What a guest of a kind is given to validate: its payload and, for Rego, its data document. */
export function guestInput(
  mode: ExecutionMode,
  { request, settings, context }: InputParts,
): { payload: Uint8Array; data?: Uint8Array } {
  switch (mode) {
    case "kubewarden-wapc":
    case "wasi":
      return { payload: utf8(`{"request":${request},"settings":${settings}}`) };
    case "opa":
      return { payload: utf8(`{"request":${request}}`), data: opaData(settings, context) };
    case "gatekeeper":
      return {
        payload: utf8(`{"parameters":${settings},"review":${request}}`),
        data: context === undefined ? utf8("{}") : concat([utf8('{"inventory":'), context, utf8("}")]),
      };
  }
}

/** The settings are the data of an OPA policy; what of the cluster it may see stands under `kubernetes` (6.3.2). */
function opaData(settings: string, context: Uint8Array | undefined): Uint8Array {
  if (context === undefined) return utf8(settings);
  const data = parseJson(settings);
  if (typeof data !== "object" || data === null || Array.isArray(data) || isRawNumber(data)) return utf8(settings);
  const { kubernetes: _overwritten, ...rest } = data as Record<string, unknown>;
  const own = stringifyJson(rest).slice(1, -1);
  return concat([utf8(`{${own}${own === "" ? "" : ","}"kubernetes":`), context, utf8("}")]);
}

const utf8 = (value: string) => new TextEncoder().encode(value);
