/** Configurations of keepalived that both it and halb can run on a host of a lab. */

/** One of them. */
export interface KeepalivedSite {
  readonly name: string;
  readonly text: string;
}

const FOLDER = "/usr/share/doc/keepalived/samples/keepalived.conf";

/** Samples of the Debian package that need neither IPVS nor another namespace. */
const SAMPLES = [
  "track_interface",
  "vrrp",
  "vrrp.localcheck",
  "vrrp.routes",
  "vrrp.rules",
  "vrrp.scripts",
  "vrrp.static_ipaddress",
  "vrrp.sync",
];
/** Networks of the samples in those that labs may use. */
function inLabNetworks(text: string): string {
  return text
    // The kernel of a lab has no VLANs.
    .replaceAll("eth0.1", "eth0")
    .replace(/\b192\.168\.(1|2)(09|1[0-3])\.0\/24/g, (_, hundred, rest) => {
      const block = (Number(rest) % 8) + 8 * (Number(hundred) - 1);
      return `203.0.113.${16 * block}/28`;
    })
    .replace(/\b192\.168\.\d+\.(\d+\/3[12])\b/g, "203.0.113.$1")
    .replace(/\b192\.168\.200\./g, "192.0.2.")
    .replace(/\b192\.168\.201\./g, "198.51.100.")
    .replace(/\b192\.168\.\d+\./g, "192.0.2.");
}

/** Written for this: what is found in the wild. */
const WRITTEN: readonly KeepalivedSite[] = [
  {
    name: "a gateway pair with a default route, rules and both families",
    text: `global_defs {
  router_id gw-a
  vrrp_version 3
}
vrrp_instance outside {
  state BACKUP
  interface eth0
  virtual_router_id 10
  priority 200
  advert_int 0.2
  nopreempt
  virtual_ipaddress {
    192.0.2.20/24 dev eth0
    192.0.2.21/32 dev eth1 scope link
  }
  virtual_ipaddress_excluded {
    2001:db8::20/64
  }
  virtual_routes {
    default via 192.0.2.99 dev eth0 table 77 metric 5
    198.51.100.128/25 dev eth1 src 192.0.2.21
    unreachable 203.0.113.0/24
  }
  virtual_rules {
    from 192.0.2.20/32 table 77 priority 1077
    to 198.51.100.0/24 iif eth1 lookup main priority 1078
  }
}
`,
  },
  {
    name: "macros, IPv6, two groups",
    text: `$IF=eth0
$PRIO=120
vrrp_sync_group G {
  group {
    six
    four
  }
}
vrrp_instance six {
  state MASTER
  interface $IF
  virtual_router_id 66
  priority $PRIO
  version 3
  advert_int 0.3
  virtual_ipaddress {
    fe80::66
    2001:db8::66/64
  }
}
vrrp_instance four {
  state MASTER
  interface $IF
  virtual_router_id 44
  priority $PRIO
  advert_int 1
  virtual_ipaddress {
    192.0.2.44/24 label eth0:four
  }
}
`,
  },
  {
    name: "unicast, an owner, scripts with weights",
    text: `vrrp_script good {
  script "/bin/true"
  interval 1
  weight 20
}
vrrp_script bad {
  script "/bin/false"
  interval 1
  fall 1
  weight -30
}
vrrp_instance cloud {
  interface eth0
  virtual_router_id 5
  priority 100
  advert_int 1
  unicast_peer {
    192.0.2.200
  }
  track_script {
    good
    bad
  }
  virtual_ipaddress {
    192.0.2.55/32
  }
}
vrrp_instance owner {
  interface eth1
  state MASTER
  virtual_router_id 6
  priority 255
  advert_int 1
  virtual_ipaddress {
    198.51.100.66/32
  }
}
`,
  },
];

/** All of them. */
export function keepalivedSites(): KeepalivedSite[] {
  return [
    // A host that is installed without documentation has no samples.
    ...SAMPLES.filter((name) => exists(`${FOLDER}.${name}`)).map((name) => ({
      name: `sample ${name}`,
      text: inLabNetworks(Deno.readTextFileSync(`${FOLDER}.${name}`)),
    })),
    ...WRITTEN,
  ];
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
