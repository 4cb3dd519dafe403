// pure
import { notAcceptable } from "./failures.ts";

/** How the client wants its answer. Protobuf and CBOR are never spoken: clients offer JSON besides. */
export type Representation = "object" | "table" | "partial" | "aggregatedDiscovery";

/** The first media type of an Accept header that can be served; 406 where there is none. */
export function representationOf(accept: string | null): Representation {
  const wanted = (accept ?? "*/*").split(",").map((each) => each.trim());
  for (const each of wanted) {
    const [mediaType = "", ...parameters] = each.split(";").map((part) => part.trim());
    if (!["application/json", "application/*", "*/*", "text/plain", ""].includes(mediaType)) continue;
    const as = parameters.find((part) => part.startsWith("as="))?.slice(3);
    if (as === undefined) return "object";
    if (as === "Table") return "table";
    if (as.startsWith("PartialObjectMetadata")) return "partial";
    if (as === "APIGroupDiscoveryList" && parameters.includes("v=v2")) return "aggregatedDiscovery";
  }
  throw notAcceptable("only the following media types are accepted: application/json");
}
