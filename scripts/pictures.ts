/**
 * Draws the pictures of docs/concepts.md.
 *
 * Usage: `deno run -A scripts/pictures.ts` writes docs/images/concept-*.svg. Each picture is one
 * file that asks for nothing else, readable in the dark and in the light, with a title and a
 * description for those who do not see it. `tests/unit/docs/pictures_test.ts` compares the files.
 *
 * @module
 */

const FOLDER = new URL("../docs/images/", import.meta.url);

const STYLE = `
.b{fill:#f4f6f8;stroke:#57606a}.g{fill:#dafbe1;stroke:#1a7f37}.r{fill:#ffebe9;stroke:#cf222e}
.y{fill:#fff8c5;stroke:#9a6700}.n{fill:none;stroke:#57606a;stroke-dasharray:4 3}
text{font:13px sans-serif;fill:#1f2328}.s{font-size:11px;fill:#57606a}.h{font-weight:bold}
.l{stroke:#57606a;stroke-width:1.3;fill:none}.m{stroke:#0969da;stroke-width:1.8;fill:none}
.x{stroke:#cf222e;stroke-width:1.8;fill:none}.p{fill:#0969da}.k{fill:#57606a}.q{fill:#cf222e}
@media(prefers-color-scheme:dark){
.b{fill:#21262d;stroke:#8b949e}.g{fill:#12361f;stroke:#3fb950}.r{fill:#4a1719;stroke:#f85149}
.y{fill:#3b2e00;stroke:#d29922}.n{stroke:#8b949e}text{fill:#e6edf3}.s{fill:#9da7b1}
.l{stroke:#8b949e}.m{stroke:#58a6ff}.x{stroke:#f85149}.p{fill:#58a6ff}.k{fill:#8b949e}
.q{fill:#f85149}.paper{fill:#0d1117}}`.replaceAll("\n", "");

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

interface Picture {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly size: readonly [number, number];
  readonly parts: readonly string[];
}

function text(x: number, y: number, words: string, kind = "", anchor = "middle"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${
    escape(words)
  }</text>`;
}

/** A box with a line of text, and smaller ones below. */
function box(
  [x, y, width, height]: readonly [number, number, number, number],
  lines: readonly string[],
  kind = "b",
): string {
  const [first = "", ...rest] = lines;
  const top = y + height / 2 + 5 - rest.length * 7.5;
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" class="${kind}"/>` +
    text(x + width / 2, top, first, "h") +
    rest.map((line, i) => text(x + width / 2, top + 15 * (i + 1), line, "s")).join("");
}

/** A line with a head at its end. `m`: traffic, `x`: what is lost, `l`: anything else. */
function arrow(points: readonly (readonly [number, number])[], kind = "l"): string {
  const head = { m: "p", x: "q", l: "k" }[kind]!;
  const [[x1, y1], [x2, y2]] = points.slice(-2) as [[number, number], [number, number]];
  const angle = Math.round(Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI);
  return `<polyline class="${kind}" points="${points.map((point) => point.join()).join(" ")}"/>` +
    `<path class="${head}" d="M0 0L-9 -4.5L-9 4.5Z" transform="translate(${x2} ${y2}) rotate(${angle})"/>`;
}

function bar([x, y, width]: readonly [number, number, number], words: string, kind: string) {
  return `<rect x="${x}" y="${y}" width="${width}" height="24" class="${kind}"/>` +
    text(x + width / 2, y + 16, words, "s");
}

function ticks(xs: readonly number[], y: number, kind = "m"): string {
  return xs.map((x) => `<path class="${kind}" d="M${x} ${y}v14"/>`).join("");
}

const steps = (from: number, to: number, by: number) =>
  Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);

const ELECTION: Picture = {
  name: "election",
  title: "VRRP: the master advertises, a backup waits",
  description:
    "Node a, priority 150, is master and sends an advert each interval until it fails. Node b, " +
    "priority 100, waits three intervals and its skew after the last advert, then it is master. " +
    "When a is back its better advert makes b backup again.",
  size: [720, 210],
  parts: [
    text(20, 52, "a, priority 150", "h", "start"),
    text(20, 122, "b, priority 100", "h", "start"),
    bar([150, 36, 190], "master", "g"),
    bar([340, 36, 180], "dead", "r"),
    bar([520, 36, 180], "master again", "g"),
    ticks(steps(160, 330, 34), 64),
    ticks(steps(530, 690, 34), 64),
    bar([150, 106, 318], "backup", "b"),
    bar([468, 106, 58], "master", "g"),
    bar([526, 106, 174], "backup: heard a better one", "b"),
    ticks([470, 504], 134),
    arrow([[330, 156], [468, 156]], "x"),
    text(399, 174, "master-down interval: three intervals + skew", "s"),
    text(399, 189, "skew: (256 − priority) / 256 of an interval", "s"),
    text(150, 94, "each blue line: an advert", "s", "start"),
  ],
};

const LEASE: Picture = {
  name: "lease",
  title: "Leased addresses: a dead agent keeps none",
  description:
    "While the agent lives it refreshes the address's lifetime in the kernel. It is killed: the " +
    "other node takes over after the master-down interval, and the kernel of the dead node drops " +
    "the address by itself when its lifetime ends.",
  size: [720, 200],
  parts: [
    text(20, 42, "agent on a", "h", "start"),
    text(20, 82, "address on a", "h", "start"),
    text(20, 152, "address on b", "h", "start"),
    bar([150, 26, 230], "refreshes the lease", "g"),
    bar([380, 26, 320], "kill -9", "r"),
    ticks(steps(170, 372, 50), 50, "l"),
    bar([150, 66, 230], "held, 3 s at a time", "g"),
    bar([380, 66, 210], "what is left of the lifetime", "y"),
    text(645, 82, "gone by itself", "s"),
    bar([440, 136, 260], "held, and announced to everybody", "g"),
    arrow([[370, 120], [440, 120]], "x"),
    text(350, 124, "nothing heard", "s", "end"),
    text(150, 186, "Clients follow b's announcement from its first moment on.", "s", "start"),
  ],
};

const PLANES: Picture = {
  name: "planes",
  title: "Three planes in one process",
  description:
    "The site file goes to control, which is asynchronous. The protocol plane, a real-time thread, " +
    "handles packets and timers and waits for nothing else. The kernel plane holds addresses, " +
    "routes and the table of IPVS. They tell each other by queues.",
  size: [720, 250],
  parts: [
    box([20, 24, 120, 46], ["site.toml"]),
    arrow([[140, 47], [200, 47]]),
    box([200, 16, 500, 62], [
      "control",
      "configuration, checks over HTTP and TLS, scripts, mail, status, metrics, recorder",
    ]),
    box(
      [40, 140, 300, 62],
      ["protocol", "real time: VRRP and BFD, nothing else"],
      "g",
    ),
    box([400, 140, 300, 62], ["kernel", "addresses, routes, announcements, IPVS, probes"], "y"),
    arrow([[300, 78], [230, 140]]),
    arrow([[180, 140], [250, 78]]),
    arrow([[520, 78], [550, 140]]),
    arrow([[600, 140], [570, 78]]),
    arrow([[340, 171], [400, 171]], "m"),
    text(370, 162, "hold!", "s"),
    arrow([[120, 232], [120, 202]], "m"),
    text(130, 232, "adverts of others, BFD", "s", "start"),
    arrow([[550, 202], [550, 232]], "m"),
    text(560, 232, "netlink, ARP", "s", "start"),
  ],
};

function mode(x: number, name: string, lines: readonly string[], direct: boolean): string[] {
  return [
    text(x + 110, 22, name, "h"),
    box([x + 60, 36, 100, 34], ["client"]),
    box([x + 60, 110, 100, 34], ["director"], "g"),
    box([x + 60, 190, 100, 34], ["real server"], "y"),
    arrow([[x + 95, 70], [x + 95, 110]], "m"),
    arrow([[x + 95, 144], [x + 95, 190]], "m"),
    ...(direct
      ? [arrow([[x + 160, 207], [x + 195, 207], [x + 195, 53], [x + 160, 53]])]
      : [arrow([[x + 130, 190], [x + 130, 144]]), arrow([[x + 130, 110], [x + 130, 70]])]),
    ...lines.map((line, i) => text(x + 110, 246 + i * 15, line, "s")),
  ];
}

const WAYS: Picture = {
  name: "forwarding",
  title: "Three ways to a real server: NAT, direct routing, tunnel",
  description:
    "NAT: requests and answers pass the director. Direct routing and tunnels: requests pass the " +
    "director, answers go straight from the real server to the client.",
  size: [720, 290],
  parts: [
    ...mode(
      10,
      "nat",
      ["address and port rewritten;", "the server's gateway is the director"],
      false,
    ),
    ...mode(250, "direct", [
      "hardware address rewritten, same LAN;",
      "the server has the address, silently",
    ], true),
    ...mode(
      490,
      "tunnel",
      ["wrapped, across routers;", "the server unwraps, and has the address"],
      true,
    ),
  ],
};

const QUORUM: Picture = {
  name: "quorum",
  title: "Checks and the quorum",
  description:
    "Each real server has checks. Whoever fails often enough is taken out. The weights of those " +
    "that are up are added: below the quorum the sorry server serves, scripts are run, and a " +
    "virtual router that tracks the virtual server loses priority.",
  size: [720, 220],
  parts: [
    box([20, 20, 130, 40], ["web-1", "weight 10"], "g"),
    box([20, 80, 130, 40], ["web-2", "weight 10"], "r"),
    box([20, 140, 130, 40], ["web-3", "weight 10"], "r"),
    arrow([[150, 40], [250, 40]]),
    arrow([[150, 100], [250, 100]], "x"),
    arrow([[150, 160], [250, 160]], "x"),
    text(200, 34, "200 OK", "s"),
    text(200, 94, "3 × failed", "s"),
    text(200, 154, "3 × failed", "s"),
    box([250, 20, 150, 160], ["weight up: 10", "quorum = 20", "not met"], "y"),
    arrow([[400, 50], [470, 40]]),
    arrow([[400, 100], [470, 100]]),
    arrow([[400, 150], [470, 160]]),
    box([470, 20, 230, 40], ["the sorry server serves"]),
    box([470, 80, 230, 40], ["quorum_down is told"]),
    box([470, 140, 230, 40], ["its virtual router yields"]),
    text(360, 206, "It is met again when weight 20 has passed its checks (rise).", "s"),
  ],
};

const BFD: Picture = {
  name: "bfd",
  title: "BFD: a dead path is seen in milliseconds",
  description:
    "Node a and a router send each other BFD packets many times a second. The path dies while " +
    "all cables have carrier. After three missed packets the session is down, and the virtual " +
    "router that tracks it hands over to node b, long before three adverts of a second are missed.",
  size: [720, 190],
  parts: [
    text(20, 42, "packets heard", "h", "start"),
    text(20, 92, "session", "h", "start"),
    text(20, 142, "virtual router on a", "h", "start"),
    ticks(steps(160, 360, 20), 30),
    arrow([[370, 37], [425, 37]], "x"),
    text(435, 42, "three intervals of silence: detection time", "s", "start"),
    bar([160, 76, 265], "up", "g"),
    bar([425, 76, 275], "down", "r"),
    bar([160, 126, 267], "master", "g"),
    bar([427, 126, 273], "fault: says good-bye, b takes over", "b"),
    text(
      160,
      178,
      "50 ms × 3: 150 ms. Adverts of 1 s alone would take 3.6 s, and see a dead uplink never.",
      "s",
      "start",
    ),
  ],
};

/** The whole file. */
function draw({ title, description, size: [width, height], parts }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" aria-labelledby="t d">\n` +
    `<title id="t">${escape(title)}</title>\n<desc id="d">${escape(description)}</desc>\n` +
    `<style>${STYLE}</style>\n` +
    `<rect class="paper" width="${width}" height="${height}" fill="#ffffff"/>\n` +
    `${parts.join("\n")}\n</svg>\n`;
}

/** Each picture's file name and text. */
export function pictures(): [string, string][] {
  return [ELECTION, LEASE, PLANES, WAYS, QUORUM, BFD].map((
    picture,
  ) => [`concept-${picture.name}.svg`, draw(picture)]);
}

if (import.meta.main) {
  for (const [name, svg] of pictures()) Deno.writeTextFileSync(new URL(name, FOLDER), svg);
}
