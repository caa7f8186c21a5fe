/**
 * From a site's configuration to the passwords and keys that the protocol plane needs, beside the
 * plan and never in it.
 *
 * @module
 */

import type { SiteConfig, VrrpConfig } from "../../config/mod.ts";
import type { AuthenticationType, Credentials } from "../plane/credentials.ts";
import { defaultWindow } from "../vrrp/mod.ts";
import { sessionsOf } from "./sessions.ts";

/** How a router's adverts are authenticated; undefined: they are not. */
export function authenticationType({ auth }: VrrpConfig): AuthenticationType | undefined {
  return auth === undefined || auth.type === "none" ? undefined : auth.type;
}

/** What the routers of a site authenticate with: copies, for one message. */
export function credentialsOf(site: SiteConfig): Credentials[] {
  return site.vrrp.flatMap(sessionsOf).flatMap(({ config }) => credentials(config) ?? []);
}

function credentials(vrrp: VrrpConfig): Credentials | undefined {
  const { name: router, auth } = vrrp;
  if (auth === undefined || auth.type === "none") return undefined;
  if (auth.type !== "hmac") {
    // The checks of the configuration have seen to it that there is one.
    const { type, password } = auth;
    return password && { router, type, password: password.reveal().slice() };
  }
  const keys = (auth.keys ?? []).map(({ id, key }) => ({ id, key: key.reveal().slice() }));
  const activeKey = auth.active_key ?? keys[0]?.id;
  if (activeKey === undefined) return undefined;
  return {
    router,
    type: "hmac",
    keys,
    activeKey,
    mode: auth.mode,
    antiReplay: auth.anti_replay,
    window: auth.time_window === undefined
      ? defaultWindow(vrrp.advertisement_interval)
      : auth.time_window / 1_000_000,
  };
}
