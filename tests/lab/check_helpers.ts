/** Servers that the labs of checks ask, certificates for them, and the prober on a host. */

import { execute, type Host, type Lab, type LabProcess, until } from "../lib/mod.ts";
import { type Probed, type ProbeSpec, toJson } from "./check_prober.ts";

const PROBER = new URL("check_prober.ts", import.meta.url).pathname;

/**
 * Runs probes on a host. `HALB_PROBER`: another Deno to run them with.
 *
 * @param together so many run at once; without it they run one after the other
 */
export async function probeOn(
  host: Host,
  specs: readonly ProbeSpec[],
  together = 1,
): Promise<Probed[]> {
  const deno = Deno.env.get("HALB_PROBER") ?? Deno.execPath();
  const argv = [deno, "run", "-A", "--no-check", "--quiet", PROBER, String(together)];
  const printed = await host.exec(argv, { input: toJson(specs) });
  return JSON.parse(printed) as Probed[];
}

/** `passed: reason`. */
export function verdict({ result, reason }: { result: string; reason: string }): string {
  return `${result}: ${reason}`;
}

/** Waits until something on the host listens on these tcp ports. */
export async function untilListening(host: Host, ports: readonly number[]): Promise<void> {
  await until(`${host.name} listens on ${ports.join(", ")}`, async () => {
    const shown = await host.exec(["ss", "-Hltn"]);
    return ports.every((port) => new RegExp(`:${port}\\s`).test(shown));
  }, 15_000);
}

/** Writes a file into the lab's directory: nobody reads a part of it. Returns its path. */
export function write(lab: Lab, name: string, text: string): string {
  const path = `${lab.directory}/${name}`;
  Deno.writeTextFileSync(`${path}.new`, text);
  Deno.renameSync(`${path}.new`, path);
  return path;
}

/** Paths and texts of certificates: all of one authority. */
export interface Certificates {
  readonly directory: string;
  /** PEM of the authority. */
  readonly ca: string;
  readonly client: { readonly chain: string; readonly key: string };
  /** Days on which certificates end, as `2026-01-31`, by their names. */
  readonly ends: Readonly<Record<"www" | "soon" | "expired" | "client", string>>;
}

const CA_CONFIG = (directory: string) => `
[ca]
default_ca = lab
[lab]
database = ${directory}/index.txt
serial = ${directory}/serial
new_certs_dir = ${directory}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
`;

/** `20260131120000Z` */
function openSslTime(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
}

/**
 * Makes an authority and from it: `www` (www.example.net), `soon` (the same, for three days more),
 * `expired` (the same, ended a day ago) and `client`.
 */
export async function makeCertificates(lab: Lab): Promise<Certificates> {
  const directory = lab.directory;
  const path = (name: string) => `${directory}/${name}`;
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  write(lab, "ca.cnf", CA_CONFIG(directory));
  write(lab, "index.txt", "");
  write(lab, "serial", "1000\n");
  const ca = ["req", "-x509", ...curve, "-keyout", path("ca.key"), "-out", path("ca.pem")];
  await execute(["openssl", ...ca, "-subj", "/CN=halb lab", "-days", "30"]);
  const day = 86_400_000;
  const now = Date.now();
  const list = [["www", 30], ["soon", 3], ["expired", -1], ["client", 30]] as const;
  for (const [name, days] of list) {
    const host = name === "client" ? "halb.example.net" : "www.example.net";
    await execute([
      ...["openssl", "req", "-new", ...curve, "-keyout", path(`${name}.key`)],
      ...["-out", path(`${name}.csr`), "-subj", `/CN=${host}`],
      ...["-addext", `subjectAltName=DNS:${host}`],
    ]);
    await execute([
      ...["openssl", "ca", "-batch", "-notext", "-config", path("ca.cnf"), "-cert", path("ca.pem")],
      ...["-keyfile", path("ca.key"), "-in", path(`${name}.csr`), "-out", path(`${name}.pem`)],
      ...["-startdate", openSslTime(now - 10 * day)],
      ...["-enddate", openSslTime(now + days * day)],
    ]);
  }
  const read = (name: string) => Deno.readTextFileSync(path(name));
  const ends = list.map(([name, days]) => {
    return [name, new Date(now + days * day).toISOString().slice(0, 10)];
  });
  return {
    directory,
    ca: read("ca.pem"),
    client: { chain: read("client.pem"), key: read("client.key") },
    ends: Object.fromEntries(ends),
  };
}

/** Servers that are broken, each on its port; see the names. */
export const BROKEN_PORTS = {
  hangs: 9001,
  garbage: 9002,
  gigabyte: 9003,
  closes: 9004,
  closesHalfway: 9005,
  drips: 9006,
  resets: 9007,
  /** Accepts no connection: its queue is full. */
  deaf: 9008,
  closed: 9009,
  /** Those that follow do not wait for anything to be said. */
  babbles: 9011,
  floods: 9012,
  leaves: 9013,
  dribbles: 9014,
} as const;

const BROKEN = `
import os, socket, struct, threading, time
def serve(port, handle):
    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port)); listener.listen(50)
    def guarded(connection):
        try: handle(connection)
        except OSError: pass
        finally: connection.close()
    def loop():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=guarded, args=(connection,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
def hangs(c):
    while c.recv(4096): pass
def garbage(c):
    c.recv(4096); c.sendall(bytes(range(256)) * 20)
    while c.recv(4096): pass
def gigabyte(c):
    c.recv(4096); c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1073741824\\r\\n\\r\\n")
    for _ in range(16384): c.sendall(b"x" * 65536)
def closes(c): c.recv(4096)
def closes_halfway(c):
    c.recv(4096); c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nall is")
def drips(c):
    c.recv(4096)
    for byte in b"HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n" + b"x" * 100000:
        c.sendall(bytes([byte])); time.sleep(0.02)
def resets(c):
    c.recv(1); c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
def babbles(c):
    c.sendall(bytes(range(256)) * 20)
    while c.recv(4096): pass
def floods(c):
    while True: c.sendall(b"x" * 65536)
def leaves(c): pass
def dribbles(c):
    while True: c.sendall(b"2"); time.sleep(0.02)
# First of all: once others listen, its queue is full.
deaf = socket.socket(); deaf.bind(("0.0.0.0", 9008)); deaf.listen(0)
fill = [socket.socket() for _ in range(4)]
for one in fill:
    one.setblocking(False); one.connect_ex(("127.0.0.1", 9008))
for port, handle in ((9011, babbles), (9012, floods), (9013, leaves), (9014, dribbles)):
    serve(port, handle)
for port, handle in ((9001, hangs), (9002, garbage), (9003, gigabyte), (9004, closes),
                     (9005, closes_halfway), (9006, drips), (9007, resets)):
    serve(port, handle)
while True: time.sleep(3600)
`;

/** Starts them on a host. */
export async function startBroken(lab: Lab, host: Host): Promise<void> {
  host.spawn(["/usr/bin/python3", write(lab, "broken.py", BROKEN)], { name: "broken" });
  const { closed: _, ...ports } = BROKEN_PORTS;
  await untilListening(host, Object.values(ports));
}

/**
 * Starts nginx with these servers in its `http` block. Any number of times, one after the other.
 *
 * @param events for its `events` block
 */
export async function startNginx(
  lab: Lab,
  host: Host,
  http: string,
  ports: readonly number[],
  events = "",
): Promise<LabProcess> {
  const prefix = `${lab.directory}/nginx-${host.name}`;
  Deno.mkdirSync(`${prefix}/html`, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${prefix};`).join(" ");
  const config = write(
    lab,
    `nginx-${host.name}.conf`,
    `daemon off; master_process off; user root; pid ${prefix}/pid; error_log stderr;
events { ${events} } http { access_log off; ${temporary} ${http} }\n`,
  );
  const nginx = host.spawn(["nginx", "-p", prefix, "-c", config, "-e", "stderr"], {
    name: "nginx",
  });
  await untilListening(host, ports);
  return nginx;
}
