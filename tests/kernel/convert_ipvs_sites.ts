/** Configurations of keepalived with virtual servers, for the farm of `convert_farm.ts`. */

import { type Settled, wildSites, writeSite } from "../lib/keepalived_sites.ts";
import { digestOf } from "../lib/farm_pages.ts";

/** One of them. */
export interface BalancedSite {
  readonly name: string;
  readonly text: string;
  /** Entries of the table when all checks have said what they say: what this test relies on. */
  readonly settled: Settled;
}

const FOLDER = "/usr/share/doc/keepalived/samples/keepalived.conf";

/** All samples of the Debian package that have virtual servers. */
export const SAMPLES: Readonly<Record<string, Settled>> = {
  "HTTP_GET.port": { services: 1, alive: 1, quiet: 0 },
  "IPv6": { services: 1, alive: 1, quiet: 0 },
  "PING_CHECK": { services: 1, alive: 1, quiet: 0 },
  "SMTP_CHECK": { services: 1, alive: 3, quiet: 0 },
  "SSL_GET": { services: 2, alive: 2, quiet: 0 },
  "UDP_CHECK": { services: 1, alive: 0, quiet: 0 },
  "fwmark": { services: 1, alive: 2, quiet: 0 },
  "inhibit": { services: 1, alive: 0, quiet: 1 },
  "misc_check": { services: 1, alive: 1, quiet: 0 },
  "misc_check_arg": { services: 1, alive: 0, quiet: 0 },
  "quorum": { services: 1, alive: 10, quiet: 0 },
  "sample": { services: 1, alive: 1, quiet: 0 },
  "status_code": { services: 1, alive: 1, quiet: 0 },
  "virtual_server_group": { services: 13, alive: 26, quiet: 0 },
  "virtualhost": { services: 1, alive: 0, quiet: 0 },
  "vrrp.lvs_syncd": { services: 1, alive: 1, quiet: 0 },
};

/** A sample for the farm: its networks, quick checks, digests of its pages, scripts of the test. */
function forFarm(text: string, script: string): string {
  return text
    .replace(/\b(192\.168\.200|10\.0\.0|172\.16\.1)\./g, "203.0.113.")
    .replace(/\b(192\.168\.201|192\.168\.155|64\.233\.167)\./g, "192.0.2.")
    .replace(/\b10\.(10\.10|0\.1)\./g, "192.0.2.")
    .replaceAll("ae00::", "2001:db8::")
    // keepalived goes up and down for ever with these, which it has given up long ago.
    .replace(/^ *host \{[^}]*\}\n/gm, "")
    .replaceAll("ff20ad2481f97b1754ef3e12ecd3a9cc", digestOf("/"))
    .replaceAll("9b3a0c85a887a256d6939da88aabd8cd", digestOf("/mrtg/"))
    .replaceAll(/\b(delay_loop|delay_before_retry)\s+\d+/g, "$1 1")
    .replaceAll("/usr/local/bin/script.sh", script)
    .replace(/\/usr\/local\/sbin\/quorum-\w+\.sh/g, "/bin/true");
}

/** The samples. @param script a program that fails where it is given words */
export function sampleSites(script: string): BalancedSite[] {
  return Object.entries(SAMPLES).map(([name, settled]) => {
    const text = forFarm(Deno.readTextFileSync(`${FOLDER}.${name}`), script);
    // One of those with this page is to fail.
    const page = name === "inhibit" ? "/" : "/testurl3/test.jsp";
    const digest = digestOf(page);
    return {
      name: `sample ${name}`,
      text: text.replaceAll("640205b7b0fc66c1ea91c463fac6334d", digest),
      settled,
    };
  });
}

/** Those that are not compared, and why. */
export const APART: Readonly<Record<string, string>> = {
  ssl_get_regex:
    "keepalived searches the head of a response, too: its `^` begins no page, as is told",
};

/** How many of the others are one configuration, by `include`. */
const TOGETHER = 6;

/** Those of `tests/lab/sites/ipvs`, several in one file. @param directory where they are written */
export function wildConfigurations(directory: string): BalancedSite[] {
  const sites = wildSites("ipvs", directory).filter(({ name }) => !(name in APART));
  const single = sites.filter(({ alone }) => alone).map((site) => [site]);
  const others = sites.filter(({ alone }) => !alone);
  const several = Array.from(
    { length: Math.ceil(others.length / TOGETHER) },
    (_, i) => others.slice(i * TOGETHER, (i + 1) * TOGETHER),
  );
  return [...several, ...single].map((group) => {
    const sum = (key: keyof Settled) =>
      group.reduce((total, { settled }) => total + (settled?.[key] ?? 0), 0);
    return {
      name: group.map(({ name }) => name).join(", "),
      text: group.map((site) => `include ${writeSite(site, directory)}\n`).join(""),
      settled: { services: sum("services"), alive: sum("alive"), quiet: sum("quiet") },
    };
  });
}
