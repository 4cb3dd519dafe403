// pure
import type { SignatureRequirement } from "../../../../contracts/verification-config.ts";

/** A requirement as upstream writes it into its errors: YAML, every field named (reference/policy-server.md 3.5.12). */
export function textOfRequirement(requirement: SignatureRequirement): string {
  const annotations = Object.entries(requirement.annotations ?? {});
  const lines = [
    `kind: ${requirement.kind}`,
    ...fieldsOf(requirement),
    ...requirement.annotations === undefined
      ? ["annotations: null"]
      : annotations.length === 0
      ? ["annotations: {}"]
      : [
        "annotations:",
        ...annotations.map(([name, value]) => `  ${scalar(name)}: ${scalar(value, "    ")}`),
      ],
  ];
  return lines.map((each) => `${each}\n`).join("");
}

function fieldsOf(requirement: SignatureRequirement): string[] {
  if (requirement.kind === "pubKey") {
    return [`owner: ${optional(requirement.owner)}`, `key: ${scalar(requirement.key)}`];
  }
  if (requirement.kind === "githubAction") {
    return [`owner: ${scalar(requirement.owner)}`, `repo: ${optional(requirement.repo)}`];
  }
  const { issuer, subject } = requirement;
  const wanted = "equal" in subject ? `!equal ${scalar(subject.equal)}` : `!urlPrefix ${scalar(subject.urlPrefix)}`;
  return [`issuer: ${scalar(issuer)}`, `subject: ${wanted}`];
}

function optional(text: string | undefined): string {
  return text === undefined ? "null" : scalar(text);
}

/** Plain where YAML reads it back as text, a block where it has lines, in quotes otherwise. */
function scalar(text: string, indent = "  "): string {
  if (/[^\P{C}\n]/u.test(text)) return JSON.stringify(text);
  if (text.includes("\n")) {
    const lines = text.replace(/\n$/, "").split("\n");
    return `|${text.endsWith("\n") ? "" : "-"}\n${lines.map((line) => `${indent}${line}`).join("\n")}`;
  }
  const isPlain = /^[\p{L}\p{N}/.](?:[^:#\n]|:(?=\S)|(?<=\S)#)*$/u.test(text) && text === text.trim() &&
    !looksTyped(text);
  return isPlain ? text : `'${text.replaceAll("'", "''")}'`;
}

/** What YAML would read as a number, a boolean or nothing. */
function looksTyped(text: string): boolean {
  return /^(?:true|false|null|yes|no|on|off|y|n|\.nan|[-+]?\.inf)$/i.test(text) ||
    /^[-+.]?\d[\d_]*(?:[.eExXoO:\da-fA-F_+-]*)$/.test(text);
}
