// Refuses Deployments in a namespace that the cluster does not have; asks the cluster through the host, and says in its
// message what the host answered when that is no list. With the setting `mayGetNamespaces` whoever asks must have that
// right, too.
import { accept, answer, askHost, reject, Verdict } from "../sdk/guest";
import { flag, Json, map, parseJson, printJson, text } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  if (settings.get("mayGetNamespaces")) {
    const userInfo = request.get("userInfo");
    const name = userInfo ? userInfo.get("username") : null;
    const user = name ? name.text : "";
    const question = map();
    const review = map();
    const attributes = map();
    attributes.set("verb", text("get"));
    attributes.set("resource", text("namespaces"));
    review.set("user", text(user));
    review.set("resource_attributes", attributes);
    question.set("subject_access_review", review);
    question.set("disable_cache", flag(false));
    const answer = askHost("kubernetes", "can_i", printJson(question));
    if (!answer.ok) return reject("Cannot ask what '" + user + "' may do: Host error: " + answer.text);
    const allowed = parseJson(answer.text).get("allowed");
    if (!allowed || printJson(allowed) != "true") return reject("'" + user + "' may not get namespaces");
  }
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
