import { durationFlag } from "../../runtime/flags.ts";

/** Name of the process, of its Lease and of its field manager. */
export const serviceName = "certs";

/** What `certs` understands beyond the flags of every controller. */
export const certsFlags = {
  trustSettleTime: durationFlag(
    "how long after webhooks confirmed a new certificate authority it may sign; API servers read webhook changes late",
    "60s",
    { env: "KUBEWARDEN_TRUST_SETTLE_TIME" },
  ),
};
