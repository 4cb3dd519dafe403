import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./builder.ts";

export type Buildah = (...args: string[]) => string;

/**
 * Makes an image that stands in for a base image where none can be pulled: the runtime of this repository with the
 * libraries that it is linked to on this machine, a shell, npm and the certificates. Answers its name.
 */
export function baseFromHost(buildah: Buildah, runtime: "node" | "deno"): string {
  const container = buildah("from", "scratch"), folder = buildah("mount", container);
  const copy = (from: string, to = from) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    const source = realpathSync(from);
    if (statSync(source).isDirectory()) cpSync(source, join(folder, to), { recursive: true, dereference: true });
    else copyFileSync(source, join(folder, to));
  };
  mkdirSync(join(folder, "tmp"));
  chmodSync(join(folder, "tmp"), 0o1777);
  const binary = realpathSync(join(root, "node_modules/.bin", runtime));
  for (const [from, to] of [[binary, `/usr/local/bin/${runtime}`], ["/bin/sh", "/bin/sh"]]) {
    for (const library of librariesOf(from!)) copy(library);
    copy(from!, to);
  }
  // Name resolution is loaded at run time.
  for (const library of ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"]) {
    const path = join("/lib/x86_64-linux-gnu", library);
    if (existsSync(path)) copy(path);
  }
  for (const path of [certificates, "/etc/nsswitch.conf"]) {
    if (existsSync(path)) copy(path);
  }
  if (runtime === "node") {
    copy(npmFolder(), "/usr/local/lib/npm");
    buildah("run", "--isolation", "chroot", container, "--", "/bin/sh", "-c", linkNpm);
  }
  const name = `localhost/${runtime}-of-this-machine`;
  buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container);
  if (existsSync(certificates)) buildah("config", "--env", `NODE_EXTRA_CA_CERTS=${certificates}`, container);
  buildah("commit", "--quiet", container, name);
  buildah("rm", container);
  return name;
}

const certificates = "/etc/ssl/certs/ca-certificates.crt";
const linkNpm = `node -e 'require("fs").writeFileSync("/usr/local/bin/npm", ` +
  `"#!/bin/sh\\nexec node /usr/local/lib/npm/bin/npm-cli.js \\"$@\\"\\n", { mode: 0o755 })'`;

function librariesOf(binary: string): string[] {
  return execFileSync("ldd", [binary], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
}

function npmFolder(): string {
  const found = execFileSync("/bin/sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim();
  return join(dirname(realpathSync(found)), "..");
}
