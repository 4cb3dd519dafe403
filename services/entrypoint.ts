/**
 * The one way in of the image: the first argument picks the service, no such argument means policy-server, since
 * upstream's image runs without arguments. Each process loads its own service only.
 */
type Service = { main: (argv: string[]) => Promise<void> };

const services: Record<string, () => Promise<Service>> = {
  "certs": () => import("./certs/main.ts"),
  "reconciler": () => import("./reconciler/main.ts"),
  "webhook-registrar": () => import("./webhook-registrar/main.ts"),
  "policy-server": () => import("./policy-server/main.ts"),
};
const fallback = () => import("./policy-server/main.ts");

const [first, ...others] = process.argv.slice(2);
const named = first === undefined || !Object.hasOwn(services, first) ? undefined : services[first];
const service = await (named ?? fallback)();
await service.main(named === undefined ? process.argv.slice(2) : others);
