// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { equalJson } from "../clone.ts";
import { duplicate, type FieldError, forbidden, invalid, notFound, required } from "../field-error.ts";
import { dnsLabelProblems, portNameProblems, problems } from "../names.ts";
import { Quantity } from "../quantity.ts";
import { isRecord } from "../schema.ts";
import { recordAt, records } from "./access.ts";

type Fields = Record<string, unknown>;

/** `ValidatePodSpec`, as far as our manifests and the usual mistakes go. */
export function podSpecErrors(spec: Fields, path: string): FieldError[] {
  const volumes = records(spec.volumes);
  const names = new Set(volumes.map(({ name }) => String(name)));
  const containers = records(spec.containers), initContainers = records(spec.initContainers);
  const grace = spec.terminationGracePeriodSeconds;
  return [
    ...(containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...volumes.flatMap((each, index) => volumeErrors(each, `${path}.volumes[${index}]`)),
    ...duplicateNames(volumes, `${path}.volumes`),
    ...containers.flatMap((each, index) => containerErrors(each, `${path}.containers[${index}]`, names)),
    ...initContainers.flatMap((each, index) => containerErrors(each, `${path}.initContainers[${index}]`, names)),
    ...duplicateNames([...initContainers, ...containers], `${path}.containers`, initContainers.length),
    ...(typeof grace === "number" && grace < 0
      ? [invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than or equal to 0")]
      : []),
  ];
}

/** Only a handful of fields of a Pod's spec may change once it is there. */
export function podChangeErrors(pod: KubeObject, old: KubeObject): FieldError[] {
  const fixed = (each: KubeObject) => {
    const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...spec } = recordAt(each, "spec") ?? {};
    const images = (list: unknown) => records(list).map(({ image: _image, ...container }) => container);
    // The scheduler's and admission's own fields are set through bindings and mutation, not by users.
    const { nodeName: _node, terminationGracePeriodSeconds: _grace, ...rest } = spec;
    return { ...rest, containers: images(spec.containers), initContainers: images(spec.initContainers) };
  };
  return equalJson(fixed(pod), fixed(old)) ? [] : [forbidden(
    "spec",
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
      "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
      "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
  )];
}

function duplicateNames(list: Fields[], path: string, offset = 0): FieldError[] {
  return list.flatMap(({ name }, index) =>
    name !== undefined && list.findIndex((each) => each.name === name) < index
      ? [duplicate(`${path}[${index - offset}].name`, name)]
      : []
  );
}

function volumeErrors(volume: Fields, path: string): FieldError[] {
  const sources = Object.keys(volume).filter((key) => key !== "name");
  return [
    ...problems(`${path}.name`, String(volume.name ?? ""), dnsLabelProblems),
    ...sources.slice(1).map((each) => forbidden(`${path}.${each}`, "may not specify more than 1 volume type")),
    ...(isRecord(volume.secret) && !volume.secret.secretName ? [required(`${path}.secret.secretName`)] : []),
    ...(isRecord(volume.configMap) && !volume.configMap.name ? [required(`${path}.configMap.name`)] : []),
  ];
}

function containerErrors(container: Fields, path: string, volumes: ReadonlySet<string>): FieldError[] {
  const mounts = records(container.volumeMounts);
  return [
    ...(container.name
      ? problems(`${path}.name`, String(container.name), dnsLabelProblems)
      : [required(`${path}.name`)]),
    ...(container.image ? [] : [required(`${path}.image`)]),
    ...records(container.ports).flatMap((each, index) => portErrors(each, `${path}.ports[${index}]`)),
    ...records(container.env).flatMap((each, index) => envErrors(each, `${path}.env[${index}]`)),
    ...mounts.flatMap(({ name, mountPath }, index) => [
      ...(volumes.has(String(name)) ? [] : [notFound(`${path}.volumeMounts[${index}].name`, name)]),
      ...(mountPath ? [] : [required(`${path}.volumeMounts[${index}].mountPath`)]),
      ...(mounts.findIndex((each) => each.mountPath === mountPath) < index
        ? [invalid(`${path}.volumeMounts[${index}].mountPath`, mountPath, "must be unique")]
        : []),
    ]),
    ...["readinessProbe", "livenessProbe", "startupProbe"].flatMap((probe) =>
      isRecord(container[probe]) ? probeErrors(container[probe], `${path}.${probe}`, probe) : []
    ),
    ...resourceErrors(recordAt(container, "resources") ?? {}, `${path}.resources`),
    ...securityErrors(recordAt(container, "securityContext") ?? {}, `${path}.securityContext`),
  ];
}

/** A number between 1 and 65535. */
export function portNumberErrors(path: string, port: unknown): FieldError[] {
  if (typeof port === "number" && port >= 1 && port <= 65535) return [];
  return [invalid(path, port, "must be between 1 and 65535, inclusive")];
}

function portErrors({ containerPort, name }: Fields, path: string): FieldError[] {
  return [
    ...portNumberErrors(`${path}.containerPort`, containerPort),
    ...(typeof name === "string" && name !== "" ? problems(`${path}.name`, name, portNameProblems) : []),
  ];
}

function envErrors({ name, value, valueFrom }: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${path}.name`));
  else if (!/^[ -<>-~]+$/.test(String(name))) {
    errors.push(
      invalid(
        `${path}.name`,
        name,
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
      ),
    );
  }
  if (!isRecord(valueFrom)) return errors;
  if (Object.keys(valueFrom).length === 0) {
    errors.push(
      invalid(
        `${path}.valueFrom`,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
      ),
    );
  } else if (Object.keys(valueFrom).length > 1) {
    errors.push(invalid(`${path}.valueFrom`, "", "may not have more than one field specified at a time"));
  }
  if (value !== undefined && value !== "") {
    errors.push(invalid(`${path}.valueFrom`, "", "may not be specified when `value` is not empty"));
  }
  return errors;
}

function probeErrors(probe: Fields, path: string, kind: string): FieldError[] {
  const handlers = ["exec", "grpc", "httpGet", "tcpSocket"].filter((each) => isRecord(probe[each]));
  const errors: FieldError[] = [];
  if (handlers.length === 0) errors.push(required(path, "must specify a handler type"));
  errors.push(
    ...handlers.slice(1).map((each) => forbidden(`${path}.${each}`, "may not specify more than 1 handler type")),
  );
  const port = recordAt(probe, "httpGet")?.port;
  if (recordAt(probe, "httpGet")) {
    errors.push(
      ...(typeof port === "string"
        ? problems(`${path}.httpGet.port`, port, portNameProblems)
        : portNumberErrors(`${path}.httpGet.port`, port)),
    );
  }
  for (
    const field of ["timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold", "initialDelaySeconds"]
  ) {
    const value = probe[field];
    if (typeof value === "number" && value < 0) {
      errors.push(invalid(`${path}.${field}`, value, "must be greater than or equal to 0"));
    }
  }
  if (kind !== "readinessProbe" && probe.successThreshold !== 1) {
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold, "must be 1"));
  }
  return errors;
}

function resourceErrors({ limits, requests }: Fields, path: string): FieldError[] {
  const entries = (value: unknown) => isRecord(value) ? Object.entries(value) : [];
  const amount = (value: unknown) => Quantity.parse(String(value));
  const errors = [
    ...entries(limits).map((each) => ["limits", ...each] as const),
    ...entries(requests).map((each) => ["requests", ...each] as const),
  ]
    .flatMap(([list, name, value]) => {
      const quantity = amount(value);
      if (!quantity) {
        const why = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        return [invalid(`${path}.${list}[${name}]`, value, why)];
      }
      return quantity.nanos < 0n
        ? [invalid(`${path}.${list}[${name}]`, value, "must be greater than or equal to 0")]
        : [];
    });
  for (const [name, value] of entries(requests)) {
    const limit = isRecord(limits) ? limits[name] : undefined;
    const wanted = amount(value), most = limit === undefined ? undefined : amount(limit);
    if (wanted && most && wanted.nanos > most.nanos) {
      errors.push(invalid(`${path}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
  return errors;
}

function securityErrors({ privileged, allowPrivilegeEscalation, capabilities }: Fields, path: string): FieldError[] {
  if (allowPrivilegeEscalation !== false) return [];
  const added = recordAt({ capabilities }, "capabilities")?.add;
  return [
    ...(privileged === true
      ? [
        invalid(
          path,
          { privileged, allowPrivilegeEscalation },
          "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ),
      ]
      : []),
    ...(Array.isArray(added) && added.includes("CAP_SYS_ADMIN")
      ? [
        invalid(
          path,
          { capabilities, allowPrivilegeEscalation },
          "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        ),
      ]
      : []),
  ];
}
