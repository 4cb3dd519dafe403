// Refuses a Service whose external name another Service of the cluster has already. The list is asked for with a mask, so
// that thousands of Services are little to look through, and it is searched as it comes.
import { accept, answer, askHost, holds, reject, Verdict } from "../sdk/guest";
import { Json, printJson } from "../sdk/json";

export function __guest_call(operationLength: usize, payloadLength: usize): bool {
  return answer(operationLength, payloadLength, validate, checkSettings);
}

function validate(request: Json, settings: Json): Verdict {
  const object = request.get("object");
  const spec = object ? object.get("spec") : null;
  const name = spec ? spec.get("externalName") : null;
  if (!name) return accept();
  const question = '{"api_version":"v1","kind":"Service","field_masks":["spec.externalName"]}';
  const services = askHost("kubernetes", "list_resources_all", question);
  if (!services.ok) return reject("Cannot list Services: Host error: " + services.text);
  // Nothing else of a masked Service can look like this: text inside of strings has its quotes escaped.
  if (!holds(services.bytes, '"spec":{"externalName":' + printJson(name) + "}")) return accept();
  return reject("There is a Service with the external name '" + name.text + "' already");
}

function checkSettings(settings: Json): string | null {
  return null;
}
