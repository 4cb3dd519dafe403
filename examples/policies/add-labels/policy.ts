// Adds the labels of the settings to every object that does not have them yet:
//   labels: map of label to value
import { accept, answer, mutate, Verdict } from "../sdk/guest";
import { Json, Kind, map } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const object = request.get("object");
  const wanted = settings.get("labels");
  if (!object || object.kind != Kind.Map || !wanted) return accept();
  const metadata = member(object, "metadata");
  const labels = member(metadata, "labels");
  let changed = false;
  for (let i = 0; i < wanted.keys.length; i++) {
    if (labels.get(wanted.keys[i])) continue;
    labels.set(wanted.keys[i], wanted.items[i]);
    changed = true;
  }
  return changed ? mutate(object) : accept();
}

function member(parent: Json, key: string): Json {
  const found = parent.get(key);
  if (found && found.kind == Kind.Map) return found;
  const made = map();
  parent.set(key, made);
  return made;
}

function checkSettings(settings: Json): string | null {
  const labels = settings.get("labels");
  if (!labels || labels.kind != Kind.Map) return "labels must be a map of label to value";
  for (let i = 0; i < labels.items.length; i++) {
    if (labels.items[i].kind != Kind.Text) return "the value of label '" + labels.keys[i] + "' must be a string";
  }
  return null;
}
