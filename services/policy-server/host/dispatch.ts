import {
  type Capabilities,
  capabilityPatterns,
  formatCapabilities,
  isCapabilityGranted,
} from "../../../contracts/capabilities.ts";
import type { Log } from "../../../runtime/log.ts";
import type { Span } from "../../../runtime/span.ts";
import type { HostReply, HostRequest } from "../guest/protocol.ts";
import { logForPolicy } from "./tracing.ts";

/** On whose behalf a host call is answered, and what that policy may ask for. */
export type HostContext = {
  policy: string;
  capabilities: Capabilities;
  log: Log;
  /** Of the run that asks. */
  span?: Span | undefined;
};

/**
 * The one gate between guests and the world. Allow-lists come first: nothing is parsed, let alone done, for a policy
 * that has not been granted the call. Order and texts: reference/policy-server.md 5.1.
 */
export async function answerHostCall(request: HostRequest, context: HostContext): Promise<HostReply> {
  const { binding, namespace, operation, payload } = request;
  const { policy, capabilities, log } = context;
  if (binding !== "kubewarden") return refusal(`unknown binding: ${binding}`);
  const path = `${namespace}/${operation}`;
  if (namespace !== "tracing" && !isCapabilityGranted(capabilities, path)) {
    log.error("Policy tried to use a host capability it has not been granted", {
      policy,
      capability: path,
      allowed_capabilities: formatCapabilities(capabilities),
    });
    return refusal(
      `Policy has not been granted access to the '${path}' host capability. The violation has been reported.`,
    );
  }
  if (namespace === "tracing") {
    if (operation !== "log") return refusal(`unknown operation: ${operation}`);
    logForPolicy(payload, context);
    return { ok: true, bytes: new Uint8Array() };
  }
  if (!capabilityPatterns.includes(`${namespace}/*`)) return refusal(`unknown namespace: ${namespace}`);
  if (!capabilityPatterns.includes(path)) return refusal(`unknown operation: ${operation}`);
  return refusal(`host capability '${path}' is not available yet in this policy server`);
}

function refusal(message: string): HostReply {
  return { ok: false, message };
}
