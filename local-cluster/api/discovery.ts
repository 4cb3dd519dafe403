// pure
import { apiVersionOf, type ResourceType } from "../schema/resource-type.ts";
import { subresourcesOf, verbsOf } from "./subresources.ts";

/** What `GET /api`, `/apis` and the paths below them answer; undefined where the path is none of them. */
export function discoveryAt(path: string, types: readonly ResourceType[], aggregated: boolean): unknown {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts[0] === "api") {
    if (parts.length === 1) return aggregated ? groupDiscoveryList(types, (group) => group === "") : coreVersions();
    if (parts.length === 2 && parts[1] === "v1") return resourceList("", "v1", types);
  }
  if (parts[0] !== "apis") return undefined;
  const [, group, version] = parts;
  if (group === undefined) return aggregated ? groupDiscoveryList(types, (each) => each !== "") : groupList(types);
  if (!types.some((type) => type.group === group && (version === undefined || type.version === version))) {
    return undefined;
  }
  if (parts.length === 2) return { kind: "APIGroup", apiVersion: "v1", ...apiGroup(group, types) };
  return parts.length === 3 ? resourceList(group, version ?? "", types) : undefined;
}

function coreVersions(): unknown {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

function groupList(types: readonly ResourceType[]): unknown {
  const groups = [...new Set(types.map(({ group }) => group))].filter((group) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map((group) => apiGroup(group, types)) };
}

function apiGroup(name: string, types: readonly ResourceType[]) {
  const versions = versionsOf(name, types).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function versionsOf(group: string, types: readonly ResourceType[]): string[] {
  return [...new Set(types.filter((type) => type.group === group).map(({ version }) => version))];
}

function resourceList(group: string, version: string, types: readonly ResourceType[]): unknown {
  const resources = types.filter((type) => type.group === group && type.version === version).flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: verbsOf(type),
      ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
      ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    },
    ...subresourcesOf(type).map((each) => ({
      name: `${type.plural}/${each.name}`,
      singularName: "",
      namespaced: type.namespaced,
      kind: each.kind,
      ...(each.group === type.group ? {} : { group: each.group, version: each.version }),
      verbs: each.verbs,
    })),
  ]);
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: group === "" ? version : `${group}/${version}`,
    resources,
  };
}

/** apidiscovery.k8s.io/v2: everything in one answer, which kubectl asks for first. */
function groupDiscoveryList(types: readonly ResourceType[], included: (group: string) => boolean): unknown {
  const groups = [...new Set(types.map(({ group }) => group))].filter(included);
  const items = groups.map((name) => ({
    metadata: { name, creationTimestamp: null },
    versions: versionsOf(name, types).map((version) => ({
      version,
      freshness: "Current",
      resources: types.filter((type) => type.group === name && type.version === version).map(resourceDiscovery),
    })),
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}

function resourceDiscovery(type: ResourceType): unknown {
  const kindOf = ({ group, version, kind }: { group: string; version: string; kind: string }) => ({
    group,
    version,
    kind,
  });
  const subresources = subresourcesOf(type).map((each) => ({
    subresource: each.name,
    responseKind: kindOf(each),
    verbs: each.verbs,
  }));
  return {
    resource: type.plural,
    responseKind: kindOf(type),
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: type.singular,
    verbs: verbsOf(type),
    ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
    ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/** The group-versions that are served, `v1` for core. */
export function groupVersions(types: readonly ResourceType[]): string[] {
  return [...new Set(types.map(apiVersionOf))];
}
