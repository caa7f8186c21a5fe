/**
 * What happens on the pictures of the status page: two directors, three servers of which one dies,
 * clients that ask all the time, BFD between the directors, and a switch-over by hand. Writes
 * pictures to standard output, a line each: `picture NAME BASE64`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ask } from "../mod/control/client.ts";
import { Browser } from "../tests/lib/browser.ts";
import { Lab, startHalb } from "../tests/lib/mod.ts";
import { PORT, routersText, twoDirectors, VIP } from "../tests/kernel/directors.ts";

/** A guest has one processor, which a browser fills. */
const PATIENCE = 120_000;
const SITE = `[agent]
http = { listen = "127.0.0.1:9650" }

${routersText("1s", 'track = { bfd = [{ name = "to-peer", weight = -20 }] }')}

[[bfd]]
name = "to-peer"
peer = { by_host = { a = "192.0.2.3", b = "192.0.2.2" } }
interface = "eth0"
transmit_interval = "300ms"
receive_interval = "300ms"

[[virtual_server]]
name = "shop"
listen = "${VIP}:80"
scheduler = "wrr"
follow = "front"
quorum = 2
check = { type = "http", path = "/", interval = "2s", timeout = "2s" }
real_server = [
  { address = "198.51.100.11:${PORT}", weight = 2 },
  { address = "198.51.100.12:${PORT}" },
  { address = "198.51.100.13:${PORT}" },
]

[[virtual_server]]
name = "mail"
listen = "${VIP}:25"
scheduler = "lc"
follow = "front"
check = { type = "tcp", interval = "2s" }
real_server = [
  { address = "198.51.100.11:${PORT}" },
  { address = "198.51.100.12:${PORT}" },
]
`;
const CLIENT = `import time, urllib.request
while True:
    try: urllib.request.urlopen("http://${VIP}/", timeout=2).read()
    except OSError: pass
    time.sleep(0.1)
`;

const lab = await Lab.open();
try {
  const { client, a, b, servers, exchange } = await twoDirectors(lab);
  exchange.close();
  // Before anything whose lateness is shown: its start fills the one processor for seconds.
  const browser = await Browser.start({ wrapper: a.prefix(), profile: `${lab.directory}/browser` });
  lab.atEnd(() => browser.close());
  const python = "/usr/bin/python3";
  const web = servers.map((host) => host.spawn([python, "-m", "http.server", `${PORT}`]));
  const first = startHalb(lab, a, SITE);
  await first.untilState("front", "master", PATIENCE);
  const second = startHalb(lab, b, SITE);
  await second.untilState("front", "backup", PATIENCE);
  client.spawn([python, "-c", CLIENT]);
  await lab.delay(15_000);
  await ask(first.controlPath, { command: "release", name: "director", for_ms: 8_000 });
  await first.untilState("front", "backup", PATIENCE);
  await first.untilState("front", "master", PATIENCE);
  await lab.delay(10_000);
  await web[2]!.stop();
  const picture = async (name: string, width: number, height: number, dark = false) => {
    await browser.look({ width, height, dark });
    await browser.open("http://127.0.0.1:9650/");
    const shown = "document.getElementById('wrong').innerText.includes('198.51.100.13')";
    await browser.until("the dead server is shown", shown, PATIENCE);
    await browser.evaluate("document.querySelector('#ranges button').click()");
    // Rates need two readings of the counters.
    const rates = "/[0-9]\\/s/.test(document.getElementById('glance').innerText)";
    await browser.until("rates are known", rates, PATIENCE);
    console.log(`picture ${name} ${Buffer.from(await browser.picture()).toString("base64")}`);
  };
  await picture("status-page-light.png", 1200, 1000);
  await picture("status-page-dark.png", 1200, 1000, true);
  await picture("status-page-phone.png", 390, 844);
} finally {
  await lab.close();
}
