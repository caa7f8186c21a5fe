/**
 * `announce` beside a routing daemon: BIRD tells its neighbour of a virtual server's addresses, of
 * both families, while the quorum is met, and no longer than the kernel's lease when the agent is
 * killed. The table goes on working.
 */

import assert from "node:assert/strict";
import "./lib.ts";
import { execute, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";

/** One processor for everything, and two routing daemons beside the agent. */
const PATIENCE = 60_000;
const OPTIONS = { timeoutMs: 240_000 };

const SERVER = ["python3", "-m", "http.server", "8080", "--bind", "192.0.2.2"];

const SITE = `[[virtual_server]]
name = "web"
listen = ["203.0.113.10:80", "[2001:db8:9::10]:80"]
quorum = 2
announce = { interface = "lo" }
persistence = { timeout = "1m", prefix_length = 24, ipv6_prefix_length = 64 }
[[virtual_server.real_server]]
address = "192.0.2.2:8080"
check = { type = "tcp", interval = "1s", timeout = "3s", fall = 3, retry_interval = "200ms" }
[[virtual_server.real_server]]
address = "[2001:db8::2]:8080"
`;

/** Both families' routes from the one to the other, over a session each. */
function configuration(
  { own, peer, number, exported }: {
    readonly own: string;
    readonly peer: string;
    readonly number: number;
    readonly exported: string;
  },
): string {
  const session = (family: 4 | 6, prefix: string) =>
    `protocol bgp upstream${family} {
  local ${prefix}${own} as ${64_500 + number};
  neighbor ${prefix}${peer} as ${64_501 - number};
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  ipv${family} { import all; export ${exported}; };
}
`;
  return `log stderr all;
router id 192.0.2.${own};
protocol device { }
protocol direct { ipv4; ipv6; interface "lo"; }
${session(4, "192.0.2.")}${session(6, "2001:db8::")}`;
}

/** Starts BIRD. @returns its command line */
async function startBird(lab: Lab, host: Host, text: string): Promise<
  (words: string) => Promise<string>
> {
  const base = `${lab.directory}/routes-${host.name}`;
  Deno.writeTextFileSync(`${base}.conf`, text);
  const words = ["bird", "-f", "-c", `${base}.conf`, "-s", `${base}.sock`, "-P", `${base}.pid`];
  const process = host.spawn(words, { name: `bird-${host.name}` });
  const command = (words: string) => execute(["birdc", "-s", `${base}.sock`, ...words.split(" ")]);
  await lab.until("BIRD answers", async () => {
    assert.ok(process.running, process.log());
    return (await command("show status")).includes("BIRD");
  }, PATIENCE);
  return command;
}

lab("announce: BIRD tells of the addresses while the quorum is met", async (lab) => {
  const [d, r] = await lab.hostsNamed("d", "r");
  await lab.lan("net", [d, r], {
    addresses: { d: ["192.0.2.1/24", "2001:db8::1/64"], r: ["192.0.2.2/24", "2001:db8::2/64"] },
  });
  const filter = "where net ~ [ 203.0.113.0/24{32,32}, 2001:db8:9::/48{128,128} ]";
  const [four, six] = [filter.replace(/, 2001.* \]/, " ]"), filter.replace(/203.*, /, "")];
  const own = configuration({ own: "1", peer: "2", number: 0, exported: "FILTER" })
    .replace("FILTER", four).replace("FILTER", six);
  await startBird(lab, d, own);
  const upstream = await startBird(
    lab,
    r,
    configuration({ own: "2", peer: "1", number: 1, exported: "none" }),
  );
  const learnt = async () => {
    const text = await upstream("show route");
    return ["203.0.113.10/32", "2001:db8:9::10/128"].filter((one) => text.includes(one)).length;
  };
  const untilLearnt = (count: number, what: string) =>
    lab.until(
      what,
      async () => {
        assert.equal(await learnt(), count, await upstream("show protocols"));
        return true;
      },
      PATIENCE,
      200,
    );
  const table = async () =>
    (await d.exec(["ipvsadm", "-Sn"])).split("\n").map((line) => line.trim())
      .filter((line) => line !== "");
  await lab.until(
    "the sessions are established",
    async () => {
      const text = await upstream("show protocols");
      assert.equal(text.match(/Established/g)?.length, 2, text);
      return true;
    },
    PATIENCE,
    200,
  );
  const serve = async () => {
    const process = r.spawn(SERVER, { name: "server" });
    await lab.until(
      "the server listens",
      async () => {
        assert.ok(process.running, process.log());
        return (await r.exec(["ss", "-ltnH"])).includes("192.0.2.2:8080");
      },
      PATIENCE,
      200,
    );
    return process;
  };
  const server = await serve();
  assert.equal(await learnt(), 0);

  const agent = startHalb(lab, d, SITE);
  await untilLearnt(2, "both addresses are learnt");
  // Each family has the servers of its own, and counts bits of its own.
  const whole = [
    "-A -t 203.0.113.10:80 -s wlc -p 60 -M 255.255.255.0",
    "-a -t 203.0.113.10:80 -r 192.0.2.2:8080 -m -w 1",
    "-A -t [2001:db8:9::10]:80 -s wlc -p 60 -M 64",
    "-a -t [2001:db8:9::10]:80 -r [2001:db8::2]:8080 -m -w 1",
  ];
  assert.deepEqual(await table(), whole);

  await server.kill();
  await untilLearnt(0, "they are withdrawn when the quorum is lost");
  assert.doesNotMatch(await d.exec(["ip", "address", "show", "dev", "lo"]), /203\.0\.113\.10/);
  await serve();
  await untilLearnt(2, "they are back with the quorum");

  await agent.kill();
  await untilLearnt(0, "the kernel withdraws them after a kill");
  assert.deepEqual(await table(), whole);
  const next = startHalb(lab, d, SITE);
  await untilLearnt(2, "the next agent announces them");
  await next.stop();
  await untilLearnt(0, "they are withdrawn at the stop");
  assert.deepEqual(await table(), []);
}, OPTIONS);
