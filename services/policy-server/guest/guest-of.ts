import type { ExecutionMode } from "../policies/execution-mode.ts";
import type { Guest, GuestOptions } from "./guest.ts";
import { RegoGuest } from "./rego-guest.ts";
import { WapcGuest } from "./wapc-guest.ts";
import { WasiGuest } from "./wasi-guest.ts";

/** A guest for a module of this kind, not yet created. */
export function guestOf(mode: ExecutionMode, options: GuestOptions): Guest {
  switch (mode) {
    case "kubewarden-wapc":
      return new WapcGuest(options);
    case "opa":
    case "gatekeeper":
      return new RegoGuest(options);
    case "wasi":
      return new WasiGuest(options);
  }
}
