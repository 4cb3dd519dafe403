import { stringify } from "yaml";
import { crds } from "../contracts/crds.ts";

/** The CRD manifests of deploy/kustomize, from the schemas of contracts/. */
export async function crdFiles(): Promise<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(crds()).map(([plural, crd]) => [
      `deploy/kustomize/base/crds/${plural}.yaml`,
      `# Generated from contracts/ by \`npm run generate\`: do not edit.\n${
        stringify(crd, { sortMapEntries: true, aliasDuplicateObjects: false, lineWidth: 120, compat: "yaml-1.1" })
      }`,
    ]),
  );
}
