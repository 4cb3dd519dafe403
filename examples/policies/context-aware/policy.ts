// Refuses Deployments in a namespace that the cluster does not have; asks the cluster through the host, and says in its
// message what the host answered when that is no list.
import { accept, answer, askHost, reject, Verdict } from "../sdk/guest";
import { Json, parseJson } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const answer = askHost("kubernetes", "list_resources_all", '{"api_version":"v1","kind":"Namespace"}');
  if (!answer.ok) return reject("Cannot list namespaces: Host error: " + answer.text);
  const namespaces = parseJson(answer.text).get("items");
  const wanted = request.get("namespace");
  if (!namespaces || !wanted) return accept();
  for (let i = 0; i < namespaces.items.length; i++) {
    const metadata = namespaces.items[i].get("metadata");
    const name = metadata ? metadata.get("name") : null;
    if (name && name.text == wanted.text) return accept();
  }
  return reject("There is no namespace '" + wanted.text + "'");
}

function checkSettings(settings: Json): string | null {
  return null;
}
