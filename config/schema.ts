/**
 * What a site.toml may say: the one source of types, defaults, documentation and JSON Schema. A
 * key stands here when this version acts upon it, not before.
 * Key names are the same in the file, in the resolved object and in status: snake_case. Durations
 * resolve to whole microseconds, addresses to {@link AddressConfig}.
 *
 * `by_host`, `env`, `file` and `include` are resolved before the schema sees the data, see
 * `substitute.ts` and `include.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { AGENT_SCHEMA } from "./agent_schema.ts";
import {
  BFD_REFLECTOR_SCHEMA,
  BFD_UNSOLICITED_SCHEMA,
  type BfdReflectorConfig,
  type BfdUnsolicitedConfig,
} from "./bfd_strangers_schema.ts";
import { CHECK_DEFAULTS_SCHEMA, CHECK_SCHEMA, MOST_CHECKS } from "./check_schema.ts";
import { BFD_DEFAULTS_SCHEMA, BFD_SCHEMA, MOST_SESSIONS } from "./bfd_schema.ts";
import { GARP_GROUP_SCHEMA, type GarpGroupConfig } from "./announce_schema.ts";
import { documented } from "./fields.ts";
import { SYNC_GROUP_SCHEMA, type SyncGroupConfig } from "./group_schema.ts";
import { IPVS_SCHEMA, type IpvsConfig } from "./ipvs_schema.ts";
import { MAIL_SCHEMA } from "./mail_schema.ts";
import type { NotificationsConfig } from "./notify_checks.ts";
import { type Family, familyOf } from "./ip.ts";
import { TRACKER_LISTS, type TrackersConfig } from "./tracker_schema.ts";
import type { ScriptUser } from "./users.ts";
import { STATIC_SCHEMA } from "./static_schema.ts";
import { VIRTUAL_SERVER_DEFAULTS_SCHEMA, VIRTUAL_SERVER_SCHEMA } from "./virtual_server_schema.ts";
import { VRRP_DEFAULTS_SCHEMA, VRRP_SCHEMA } from "./vrrp_schema.ts";

export { AGENT_SCHEMA, GARP_GROUP_SCHEMA, STATIC_SCHEMA, VRRP_DEFAULTS_SCHEMA, VRRP_SCHEMA };
export type { AddressConfig } from "./held_address_schema.ts";
export type { RouteConfig } from "./route_schema.ts";
export type { RuleConfig } from "./rule_schema.ts";
export { SYNC_GROUP_SCHEMA, type SyncGroupConfig };

/** Most virtual routers of one agent: the slots of the planes' shared memory. */
export const MOST_ROUTERS = 4096;

/** `[defaults]`. */
export const DEFAULTS_SCHEMA = documented(
  v.strictObject({
    vrrp: v.exactOptional(VRRP_DEFAULTS_SCHEMA),
    bfd: v.exactOptional(BFD_DEFAULTS_SCHEMA),
    check: v.exactOptional(CHECK_DEFAULTS_SCHEMA),
    virtual_server: v.exactOptional(VIRTUAL_SERVER_DEFAULTS_SCHEMA),
  }),
  "a table",
  {
    text: "Values shared by many tables.",
    example: { vrrp: { priority: 50 } },
  },
);

/** The whole file, as it is written. */
export const SITE_SCHEMA = v.pipe(
  v.strictObject({
    include: v.exactOptional(documented(
      v.array(documented(
        v.string(),
        "a path or glob",
        { text: "A path or glob.", example: "conf.d/*.toml" },
      )),
      "a list of paths or globs",
      {
        text:
          "More files, relative to this one, by path or glob in name order. Lists are joined; " +
          "a scalar given twice is an error.",
        example: ["conf.d/*.toml"],
      },
    )),
    agent: v.optional(AGENT_SCHEMA, {}),
    garp_group: v.optional(
      documented(
        v.array(GARP_GROUP_SCHEMA),
        "a list of tables",
        {
          text: "Interfaces that share a budget of announcements; an interface is in one group.",
          example: [{ interfaces: ["eth0", "eth1"], interval: "1ms" }],
        },
      ),
      [],
    ),
    mail: v.exactOptional(MAIL_SCHEMA),
    defaults: v.exactOptional(DEFAULTS_SCHEMA),
    vrrp: v.optional(
      documented(
        v.array(VRRP_SCHEMA),
        "a list of tables",
        {
          text: "The virtual routers (VRRP, RFC 9568).",
          range: `0 to ${MOST_ROUTERS}; without any, something of BFD or a virtual server`,
          example: [{
            name: "web",
            interface: "eth0",
            virtual_router_id: 51,
            addresses: ["192.0.2.10"],
          }],
        },
      ),
      [],
    ),
    bfd: v.optional(
      documented(v.array(BFD_SCHEMA), "a list of tables", {
        text: "Sessions that look after paths (BFD, RFC 5880).",
        range: `0 to ${MOST_SESSIONS}`,
        example: [{ name: "to-peer", peer: "192.0.2.2", interface: "eth0" }],
      }),
      [],
    ),
    check: v.optional(
      documented(v.array(CHECK_SCHEMA), "a list of tables", {
        text: "Health checks that run once however many servers and routers use them.",
        range: `0 to ${MOST_CHECKS}`,
        example: [{ name: "gateway", type: "ping", address: "192.0.2.1" }],
      }),
      [],
    ),
    bfd_reflector: v.exactOptional(BFD_REFLECTOR_SCHEMA),
    bfd_unsolicited: v.exactOptional(BFD_UNSOLICITED_SCHEMA),
    ipvs: v.exactOptional(IPVS_SCHEMA),
    virtual_server: v.optional(
      documented(v.array(VIRTUAL_SERVER_SCHEMA), "a list of tables", {
        text: "Services of the kernel's load balancer (IPVS).",
        example: [{
          name: "web-http",
          listen: "192.0.2.10:80",
          real_server: [{ address: "198.51.100.11:8080" }],
        }],
      }),
      [],
    ),
    static: v.exactOptional(STATIC_SCHEMA),
    sync_group: v.optional(
      documented(
        v.array(SYNC_GROUP_SCHEMA),
        "a list of tables",
        {
          text: "Virtual routers that are master together or not at all.",
          example: [{ name: "site", members: ["web", "lan"] }],
        },
      ),
      [],
    ),
    ...TRACKER_LISTS,
  }),
  v.title("site.toml"),
  v.description("Configuration of halb, the high-availability agent."),
);

/** `[agent]`, with the name, the user of scripts and what follows from the instance resolved. */
export type AgentConfig =
  & Omit<
    v.InferOutput<typeof AGENT_SCHEMA>,
    "name" | "script_user" | "control" | "state_directory" | "protocol_number"
  >
  & {
    name: string;
    script_user: ScriptUser;
    control: string;
    state_directory: string;
    protocol_number: number;
  };

/**
 * One `[[vrrp]]`, resolved. Durations in microseconds, except `address_lease`: `"auto"`, `"off"`,
 * or whole seconds.
 */
export type VrrpConfig = v.InferOutput<typeof VRRP_SCHEMA>;

/** `[static]`, resolved. */
export type StaticConfig = v.InferOutput<typeof STATIC_SCHEMA>;

/** A validated site.toml as this host sees it. */
export interface SiteConfig extends TrackersConfig {
  readonly agent: AgentConfig;
  readonly garp_group: readonly GarpGroupConfig[];
  readonly vrrp: readonly VrrpConfig[];
  readonly bfd_reflector?: BfdReflectorConfig;
  readonly bfd_unsolicited?: BfdUnsolicitedConfig;
  readonly ipvs?: IpvsConfig;
  readonly static: StaticConfig;
  readonly sync_group: readonly SyncGroupConfig[];
  readonly notifications: NotificationsConfig;
}

/** Whether a router has addresses of both families: one state, and a session for each. */
export function hasBothFamilies(router: Pick<VrrpConfig, "addresses">): boolean {
  const family = routerFamily(router);
  return router.addresses.some(({ address }) => familyOf(address) !== family);
}

/** The family of a router's first address; of both families, the one in which ties are decided. */
export function routerFamily(router: Pick<VrrpConfig, "addresses">): Family {
  const [first] = router.addresses;
  if (first === undefined) throw new RangeError("A virtual router without addresses");
  return familyOf(first.address);
}
