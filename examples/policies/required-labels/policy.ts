// Refuses objects that lack one of the labels of the settings. Reads its settings strictly:
//   labels: list of label names, at least one; any other key is an error
import { accept, answer, reject, Verdict } from "../sdk/guest";
import { Json, Kind } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const object = request.get("object");
  const metadata = object ? object.get("metadata") : null;
  const labels = metadata ? metadata.get("labels") : null;
  const wanted = settings.get("labels");
  if (!object || !wanted) return accept();
  const missing: string[] = [];
  for (let i = 0; i < wanted.items.length; i++) {
    const name = wanted.items[i].text;
    if (!labels || !labels.get(name)) missing.push(name);
  }
  return missing.length == 0 ? accept() : reject("Missing required labels: " + missing.join(", "));
}

function checkSettings(settings: Json): string | null {
  for (let i = 0; i < settings.keys.length; i++) {
    if (settings.keys[i] != "labels") return "unknown setting '" + settings.keys[i] + "'";
  }
  const labels = settings.get("labels");
  if (!labels || labels.kind != Kind.List || labels.items.length == 0) return "labels must be a list with at least one label";
  for (let i = 0; i < labels.items.length; i++) {
    if (labels.items[i].kind != Kind.Text || labels.items[i].text.length == 0) return "labels must hold only label names";
  }
  return null;
}
