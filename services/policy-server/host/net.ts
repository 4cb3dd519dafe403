import { lookUpAddresses } from "../../../runtime/net/dns.ts";
import { type AnswerBytes, answerOf } from "./answer.ts";

/** `net/v1/dns_lookup_host`: `{"ips":[...]}` of the system's resolver, not remembered (reference/policy-server.md 5.6). */
export async function lookUpHost(host: string, signal: AbortSignal): Promise<AnswerBytes> {
  return answerOf(JSON.stringify({ ips: await lookUpAddresses(host, signal) }));
}
