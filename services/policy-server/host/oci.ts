import { KubewardenError } from "../../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../../contracts/json.ts";
import { imageText, parseImageReference } from "../modules/registry/image-reference.ts";
import { chooseManifest, parseManifest, type Platform } from "../modules/registry/manifest.ts";
import type { Descriptor, FetchedManifest, ImageReference, RegistryReader } from "../modules/registry-reader.ts";
import { type AnswerBytes, answerOf } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { OciQuestion } from "./questions.ts";

export type ImageHostOptions = {
  /** A reader whose work ends with the signal. */
  readerFor: (signal: AbortSignal) => RegistryReader;
  /** Which manifest of an index is meant. */
  platform: Platform;
  /** Milliseconds that only grow. */
  now?: () => number;
};
export type AnswerAboutImage = (question: OciQuestion, signal: AbortSignal) => Promise<AnswerBytes>;

export const imageAnswers = { ttlMs: 60_000, maxEntries: 1_000, maxBytes: 32 * 1024 * 1024 };
const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Digest, manifest and configuration of images, each kept for a minute by the reference as it was asked for. Throws codes
 * of DOWNLOAD_. Source: reference/policy-server.md 5.5.
 */
export function imageHost({ readerFor, platform, now }: ImageHostOptions): AnswerAboutImage {
  const answers = new AnswerCache({ ...imageAnswers, ...(now === undefined ? {} : { now }) });
  return async (question, signal) => {
    const image = parseImageReference(question.image);
    return await answers.get(JSON.stringify([question.type, question.image]), {
      signal,
      make: async (stop) =>
        answerOf(stringifyJson(await lookAt(question, image, { reader: readerFor(stop), platform }))),
    });
  };
}

type Looking = { reader: RegistryReader; platform: Platform };

async function lookAt({ type }: OciQuestion, image: ImageReference, looking: Looking): Promise<unknown> {
  const fetched = await manifestOf(image, looking.reader);
  if (type === "OciManifestDigest") return { digest: fetched.digest };
  if (type === "OciManifest") return shownManifest(fetched);
  return await manifestAndConfig(image, fetched, looking);
}

async function manifestAndConfig(image: ImageReference, fetched: FetchedManifest, looking: Looking): Promise<unknown> {
  const parsed = parseManifest(fetched);
  if (parsed.kind === "index") {
    const { digest } = chooseManifest(parsed.manifests, looking.platform);
    return await configOf(image, await manifestOf({ ...image, reference: digest }, looking.reader), looking.reader);
  }
  return await configOf(image, fetched, looking.reader);
}

async function configOf(image: ImageReference, fetched: FetchedManifest, reader: RegistryReader): Promise<unknown> {
  const parsed = parseManifest(fetched);
  if (parsed.kind === "index") {
    throw new KubewardenError("DOWNLOAD_MEDIA_TYPE_INVALID", `${imageText(image)} is an index of indexes`);
  }
  return {
    manifest: shownManifest(fetched),
    digest: fetched.digest,
    config: await jsonBlob(image, parsed.config, reader),
  };
}

async function jsonBlob(image: ImageReference, descriptor: Descriptor, reader: RegistryReader): Promise<unknown> {
  const bytes = await reader.blob(image, { descriptor, maxBytes: maxConfigBytes });
  try {
    return parseJson(textOf(bytes));
  } catch (cause) {
    const message = `the configuration of ${imageText(image)} is not JSON`;
    throw new KubewardenError("DOWNLOAD_MEDIA_TYPE_INVALID", message, { cause });
  }
}

async function manifestOf(image: ImageReference, reader: RegistryReader): Promise<FetchedManifest> {
  const manifest = await reader.manifest(image);
  if (manifest !== undefined) return manifest;
  throw new KubewardenError("DOWNLOAD_NOT_FOUND", `no such image: ${imageText(image)}`);
}

const members = [
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
];

/** The members that manifests and indexes have, without those that are not set; throws if it is neither. */
function shownManifest(fetched: FetchedManifest): unknown {
  parseManifest(fetched);
  const value = parseJson(textOf(fetched.bytes)) as Record<string, unknown>;
  return Object.fromEntries(members.flatMap((each) => value[each] == null ? [] : [[each, value[each]]]));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
