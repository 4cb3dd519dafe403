/** A workflow that signs, as GitHub's certificates name it. */
export const workflow = "https://github.com/kubewarden/policy/.github/workflows/release.yml@refs/tags/v1";

/** What makes a signer's certificate one of that workflow, run for its own repository. */
export const onGithub = {
  issuer: "https://token.actions.githubusercontent.com",
  names: [{ type: "url", value: workflow }],
  workflowRepository: "kubewarden/policy",
} as const;
