import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../contracts/errors.ts";
import { sleep } from "../../runtime/sleep.ts";
import type { Pod } from "../workloads/pod.ts";
import type { ReadSource } from "./environment.ts";
import { volumeContent, type VolumeFile } from "./volume-files.ts";
import { sameFiles, writeVolume } from "./volume-writer.ts";

/** The volumes of one pod as folders on this machine, kept in sync with the objects they come from, late. */
export class PodVolumes {
  readonly #folder: string;
  readonly #pod: () => Pod;
  readonly #read: ReadSource;
  readonly #issueToken: () => Promise<string>;
  readonly #delayMs: () => number;
  readonly #folders = new Map<string, string>();
  readonly #written = new Map<string, ReadonlyMap<string, VolumeFile>>();
  #token: string | undefined;
  #stale = false;
  #wake: () => void = () => {};

  constructor(options: {
    folder: string;
    pod: () => Pod;
    read: ReadSource;
    issueToken: () => Promise<string>;
    delayMs: () => number;
  }) {
    this.#folder = options.folder;
    this.#pod = options.pod;
    this.#read = options.read;
    this.#issueToken = options.issueToken;
    this.#delayMs = options.delayMs;
    for (const { name } of options.pod().spec.volumes ?? []) this.#folders.set(name, join(this.#folder, name));
  }

  /** Folder of each volume by its name. */
  get folders(): ReadonlyMap<string, string> {
    return this.#folders;
  }

  /** Where the ServiceAccount token lies, if a container mounts one. */
  get tokenFile(): string | undefined {
    const mounted = new Set(
      this.#pod().spec.containers.flatMap((each) => each.volumeMounts ?? []).map((it) => it.name),
    );
    for (const { name, projected } of this.#pod().spec.volumes ?? []) {
      const source = projected?.sources?.find((each) => each.serviceAccountToken)?.serviceAccountToken;
      if (source && mounted.has(name)) return join(this.#folder, name, source.path);
    }
    return undefined;
  }

  /** Writes what changed; answers the first problem in the words of a `FailedMount` event. */
  async write(): Promise<string | undefined> {
    if (this.#token === undefined && this.#wantsToken()) {
      try {
        this.#token = await this.#issueToken();
      } catch (error) {
        return `MountVolume.SetUp failed: cannot issue a ServiceAccount token: ${messageOf(error)}`;
      }
    }
    const serviceAccount = this.#token === undefined ? undefined : { token: this.#token };
    for (const volume of this.#pod().spec.volumes ?? []) {
      const content = volumeContent(volume, { pod: this.#pod(), read: this.#read, serviceAccount });
      const folder = join(this.#folder, volume.name);
      if (content.kind === "problem") {
        return `MountVolume.SetUp failed for volume "${volume.name}" : ${content.problem}`;
      }
      if (content.kind === "empty") await mkdir(folder, { recursive: true });
      else {
        const written = this.#written.get(volume.name);
        if (written && sameFiles(content.files, written)) continue;
        await writeVolume(folder, content.files);
        this.#written.set(volume.name, content.files);
      }
    }
    return undefined;
  }

  sourceChanged(): void {
    this.#stale = true;
    this.#wake();
  }

  /** After a change waits a while, as a kubelet does, then swaps. A source that went away leaves the old files. */
  async keepInSync(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    while (!signal.aborted) {
      if (!this.#stale) await new Promise<void>((resolve) => this.#wake = resolve);
      await sleep(this.#delayMs(), signal).catch(() => {/* stopping: the loop ends */});
      this.#stale = false;
      if (!signal.aborted) await this.write();
    }
  }

  #wantsToken(): boolean {
    return (this.#pod().spec.volumes ?? []).some((each) =>
      each.projected?.sources?.some((source) => source.serviceAccountToken) === true
    );
  }
}
