import { durationFlag, textFlag } from "../../runtime/cli/flags.ts";

/** Name of the process, of its Lease and of its field manager. */
export const serviceName = "certs";

/** What `certs` understands beyond the flags of every controller. */
export const certsFlags = {
  trustSettleTime: durationFlag(
    "how long after webhooks confirmed a new certificate authority it may sign; API servers read webhook changes late",
    "60s",
    { env: "KUBEWARDEN_TRUST_SETTLE_TIME" },
  ),
  providedCaSecret: textFlag(
    "Secret with a certificate authority that others provide and renew, so that none is issued: ca.crt and ca.key, or " +
      "tls.crt, tls.key and ca.crt as cert-manager writes them",
    "",
    { env: "KUBEWARDEN_PROVIDED_CA_SECRET", placeholder: "name" },
  ),
};
