/** Conversions of files that exist only in a test, and what is loaded of them. */

import assert from "node:assert/strict";
import { expandGlob, isGlob } from "../../../config/glob.ts";
import type { SiteConfig, UserDirectory } from "../../../config/mod.ts";
import { convert, type Converted, type Note, type Verdict } from "../../../mod/convert/mod.ts";
import { load } from "../config/fixtures.ts";

/** Everybody exists: a site may be for another host than the one that converts. */
export const ANYBODY: UserDirectory = {
  user: (name) => ({ name, uid: 65_534, gid: 65_534 }),
  group: () => 65_534,
  groupsOf: () => [],
};

/** A conversion, with ways to look at it. */
export interface Conversion extends Converted {
  /** The site as a host sees it; it must be valid. */
  readonly site: (host?: string) => SiteConfig;
  /** Notes that are about a keyword. */
  readonly about: (keyword: string) => Note[];
  /** The verdicts on a keyword, each once. */
  readonly verdicts: (keyword: string) => Verdict[];
}

/** Files of the paths, as `include` finds them. */
function finder(files: Readonly<Record<string, string>>): (pattern: string) => string[] {
  const list = (path: string) => {
    const prefix = path === "." || path === "" ? "" : path.endsWith("/") ? path : `${path}/`;
    const below = Object.keys(files).filter((name) => name.startsWith(prefix));
    return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))];
  };
  return (pattern) =>
    (isGlob(pattern) ? expandGlob(pattern, list) : [pattern]).filter((path) => path in files);
}

/** Converts `keepalived.conf` out of `files`, or a text that stands for it. */
export function conversion(
  files: string | Readonly<Record<string, string>>,
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly users?: readonly string[];
    /** Files that the site refers to. */
    readonly others?: Readonly<Record<string, string>>;
  } = {},
): Conversion {
  const all = typeof files === "string" ? { "keepalived.conf": files } : files;
  const { environment = {}, users = [], others = {} } = options;
  const converted = convert("keepalived.conf", {
    hostname: "edge-a",
    environment: (name) => environment[name],
    hasUser: (name) => users.includes(name),
    find: finder(all),
    read: (path) => {
      const text = (all as Readonly<Record<string, string>>)[path];
      if (text === undefined) throw new Error("there is no such file");
      return text;
    },
  });
  const about = (keyword: string) => converted.notes.filter((note) => note.keyword === keyword);
  return {
    ...converted,
    about,
    verdicts: (keyword) => [...new Set(about(keyword).map(({ verdict }) => verdict))],
    site: (host = "edge-a") => {
      const loaded = load({ "site.toml": converted.text, ...others }, {
        name: host,
        users: ANYBODY,
        variables: environment,
      });
      assert.deepEqual(loaded.ok ? [] : loaded.problems, [], converted.text);
      assert.ok(loaded.ok);
      return loaded.site;
    },
  };
}

/** An instance that is complete but for what stands in `more`. */
export function instance(more: string, head = ""): string {
  return `${head}vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.0.2.10/24
    }
    ${more}
}
`;
}

/** A virtual server that is complete but for what stands in `more`, and in its real server. */
export function server(more: string, real = "", head = ""): string {
  return `${head}virtual_server 192.0.2.10 80 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    ${more}
    real_server 198.51.100.11 8080 {
        weight 1
        ${real}
    }
}
`;
}
