// Refuses Pods with a privileged container, unless its image is on the list of the settings:
//   allowed_images: list of image names as they stand in the Pod (optional)
import { accept, answer, reject, Verdict } from "../sdk/guest";
import { Json, Kind } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const object = request.get("object");
  const spec = object ? object.get("spec") : null;
  if (!spec) return accept();
  const lists = ["initContainers", "containers", "ephemeralContainers"];
  for (let i = 0; i < lists.length; i++) {
    const containers = spec.get(lists[i]);
    if (!containers) continue;
    for (let j = 0; j < containers.items.length; j++) {
      if (isForbidden(containers.items[j], settings)) return reject("Privileged container is not allowed");
    }
  }
  return accept();
}

function isForbidden(container: Json, settings: Json): bool {
  const context = container.get("securityContext");
  const privileged = context ? context.get("privileged") : null;
  if (!privileged || !privileged.isTrue()) return false;
  const image = container.get("image");
  const allowed = settings.get("allowed_images");
  if (!image || !allowed) return true;
  for (let i = 0; i < allowed.items.length; i++) if (allowed.items[i].text == image.text) return false;
  return true;
}

function checkSettings(settings: Json): string | null {
  const allowed = settings.get("allowed_images");
  if (!allowed) return null;
  if (allowed.kind != Kind.List) return "allowed_images must be a list of image names";
  for (let i = 0; i < allowed.items.length; i++) {
    if (allowed.items[i].kind != Kind.Text) return "allowed_images must hold only strings";
  }
  return null;
}
