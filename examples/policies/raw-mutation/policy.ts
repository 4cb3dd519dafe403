// Replaces a resource that must not be eaten, in raw requests such as {"request":{"uid":"1","resource":"banana"}}:
//   forbiddenResources: list of resources
//   defaultResource: what takes their place
import { accept, answer, mutate, Verdict } from "../sdk/guest";
import { Json, Kind, text } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const resource = request.get("resource");
  const forbidden = settings.get("forbiddenResources");
  const instead = settings.get("defaultResource");
  if (!resource || !forbidden || !instead) return accept();
  for (let i = 0; i < forbidden.items.length; i++) {
    if (forbidden.items[i].text != resource.text) continue;
    request.set("resource", text(instead.text));
    return mutate(request);
  }
  return accept();
}

function checkSettings(settings: Json): string | null {
  const forbidden = settings.get("forbiddenResources");
  if (!forbidden || forbidden.kind != Kind.List) return "forbiddenResources must be a list of resources";
  for (let i = 0; i < forbidden.items.length; i++) {
    if (forbidden.items[i].kind != Kind.Text) return "forbiddenResources must hold only strings";
  }
  const instead = settings.get("defaultResource");
  return !instead || instead.kind != Kind.Text ? "defaultResource must be a string" : null;
}
