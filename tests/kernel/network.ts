/**
 * A client, a director and three real servers for real traffic:
 *
 *     client c ─── 192.0.2.0/24, 2001:db8:1::/64 ─── director d ─── 198.51.100.0/24, 2001:db8:2::/64
 *        │                                                                │ r1 .11  r2 .12  r3 .13
 *        └───────────────────────── .200 ─────────────────────────────────┘
 *
 * With NAT the servers answer through the director; with direct routing and tunnels they hold the
 * virtual address themselves and answer the client straight, by its leg in their network.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  bindSocket,
  closeDescriptor,
  Epoll,
  EPOLLIN,
  inNamespace,
  openSocket,
  receive,
  sendTo,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrIn6,
} from "../../ffi/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { ipBatch, setting, withNamespaces } from "./lib.ts";

export const VIP4 = "192.0.2.10";
export const VIP6 = "2001:db8:1::10";
/** Names of the real servers. */
export const REAL = ["r1", "r2", "r3"];

/** The whole: use it inside `withNetwork` only. */
export interface Network {
  readonly director: IpvsDirector;
  /** Connects from the client and returns what the servers call themselves. */
  ask(address: string, port: number, count: number): Promise<string[]>;
  /** A connection that stays: each `say` is answered by the server with its name and the line. */
  talk(address: string, port: number): Promise<Talk>;
  /** Sends datagrams from one port of the client and returns which servers got how many. */
  datagrams(address: string, port: number, count: number): string[];
}

export interface Talk {
  /** Name of the server that it is connected with. */
  readonly server: string;
  say(line: string): Promise<string>;
  end(): Promise<void>;
}

/** How the servers answer: through the director, or the client straight. */
export type Answers = "through-director" | "straight";

/** Builds the network alone, and tears it down. */
export function withHosts(
  answers: Answers,
  body: () => void | Promise<void>,
): Promise<void> {
  return withNamespaces(["c", "d", ...REAL, "sw"], async () => {
    build(answers);
    await body();
  });
}

/** Builds the network, starts a TCP server at `port` of each real server, and tears it down. */
export function withNetwork(
  answers: Answers,
  port: number,
  body: (network: Network) => Promise<void>,
): Promise<void> {
  return withHosts(answers, async () => {
    const listeners = REAL.map((name) => serve(name, port));
    const director = new IpvsDirector(openIpvs("d"));
    try {
      await body({ director, ask, talk, datagrams });
    } finally {
      director.close();
      for (const { stop } of listeners) await stop();
    }
  });
}

function build(answers: Answers): void {
  const lines = new Map<string, string[]>();
  const ip = (name: string, line: string) => {
    const list = lines.get(name) ?? [];
    lines.set(name, list);
    list.push(line);
  };
  const addresses = (name: string, device: string, ...list: readonly string[]) => {
    for (const address of list) ip(name, `address add ${address} dev ${device} nodad`);
  };
  ip("sw", "link add bridge0 type bridge");
  ip("sw", "link set bridge0 up");
  ip("c", "link add eth0 type veth peer name eth0 netns d");
  for (const name of ["c", "d"]) ip(name, "link set eth0 up");
  for (const name of ["c", "d", ...REAL]) {
    // The answers of direct routing come from where no request went to.
    setting(name, "net/ipv4/conf/all/rp_filter", 0);
    setting(name, "net/ipv4/conf/default/rp_filter", 0);
    ip("sw", `link add name port-${name} type veth peer name eth1 netns ${name}`);
    ip("sw", `link set port-${name} master bridge0 up`);
    ip(name, "link set eth1 up");
  }
  addresses("c", "eth0", "192.0.2.1/24", "2001:db8:1::1/64");
  addresses("c", "eth1", "198.51.100.200/24", "2001:db8:2::200/64");
  addresses("d", "eth0", "192.0.2.2/24", `${VIP4}/32`, "2001:db8:1::2/64", `${VIP6}/128`);
  addresses("d", "eth1", "198.51.100.1/24", "2001:db8:2::1/64");
  setting("d", "net/ipv4/ip_forward", 1);
  setting("d", "net/ipv6/conf/all/forwarding", 1);
  for (const [i, name] of REAL.entries()) {
    addresses(name, "eth1", `198.51.100.${11 + i}/24`, `2001:db8:2::${11 + i}/64`);
    const through = answers === "through-director";
    const [via4, via6] = through
      ? ["198.51.100.1", "2001:db8:2::1"]
      : ["198.51.100.200", "2001:db8:2::200"];
    ip(name, `route add 192.0.2.0/24 via ${via4}`);
    ip(name, `route add 2001:db8:1::/64 via ${via6}`);
    if (!through) addresses(name, "lo", `${VIP4}/32`, `${VIP6}/128`);
  }
  // The switch makes the servers' interfaces, the client the director's.
  for (const name of ["sw", "c", "d", ...REAL]) ipBatch(name, lines.get(name) ?? []);
}

/** A server that says its name and repeats what it is told. */
function serve(name: string, port: number): { stop(): Promise<void> } {
  const listener = inNamespace(name, () => Deno.listen({ hostname: "::", port }));
  const open = new Set<Deno.Conn>();
  const answer = async (connection: Deno.Conn) => {
    open.add(connection);
    const encoder = new TextEncoder();
    const chunk = new Uint8Array(256);
    try {
      await connection.write(encoder.encode(`${name}\n`));
      for (
        let got = await connection.read(chunk);
        got !== null;
        got = await connection.read(chunk)
      ) {
        const said = new TextDecoder().decode(chunk.subarray(0, got));
        await connection.write(encoder.encode(`${name} ${said}`));
      }
    } catch (error) {
      if (
        !(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BadResource)
      ) {
        throw error;
      }
    } finally {
      if (open.delete(connection)) connection.close();
    }
  };
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) running.push(answer(connection));
  })();
  return {
    async stop() {
      listener.close();
      for (const connection of open) {
        open.delete(connection);
        connection.close();
      }
      await accepting;
      await Promise.all(running);
    },
  };
}

function client(...args: readonly string[]): Deno.Command {
  const script = new URL("client.ts", import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "-A", "--no-check", script];
  return new Deno.Command("ip", {
    args: ["netns", "exec", "c", ...deno, ...args],
    stdin: args.includes("--talk") ? "piped" : "null",
    stdout: "piped",
    stderr: "inherit",
  });
}

async function ask(address: string, port: number, count: number): Promise<string[]> {
  const { code, stdout } = await client(address, String(port), String(count)).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  if (code !== 0) throw new Error(`The client failed after ${lines.join(", ") || "nothing"}`);
  return lines;
}

async function talk(address: string, port: number): Promise<Talk> {
  const child = client(address, String(port), "1", "--talk").spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  let text = "";
  const line = async () => {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) return "(ended)";
      text += value;
    }
    const [first = "", ...rest] = text.split("\n");
    text = rest.join("\n");
    return first;
  };
  return {
    server: await line(),
    async say(words) {
      await writer.write(new TextEncoder().encode(`${words}\n`));
      return await line();
    },
    async end() {
      await writer.close();
      while (!(await reader.read()).done);
      await child.status;
    },
  };
}

/** Sends them one by one, each when the one before has arrived. */
function datagrams(address: string, port: number, count: number): string[] {
  const six = address.includes(":");
  const open = (namespace: string, local: string, at: number) =>
    inNamespace(namespace, () => {
      const fd = openSocket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
      bindSocket(fd, six ? sockaddrIn6(local, at) : sockaddrIn(local, at));
      return fd;
    });
  const any = six ? "::" : "0.0.0.0";
  const from = open("c", any, 40000);
  const servers = REAL.map((name) => [name, open(name, any, port)] as const);
  const epoll = new Epoll(REAL.length);
  const got: string[] = [];
  try {
    for (const [index, [, fd]] of servers.entries()) epoll.add(fd, EPOLLIN, index);
    const to = six ? sockaddrIn6(address, port) : sockaddrIn(address, port);
    const buffer = new Uint8Array(16);
    for (let i = 0; i < count; i++) {
      const sent = sendTo(from, Uint8Array.of(i), 1, to, 0);
      if (sent !== 1) throw new Error(`sendto: ${sent}`);
      if (epoll.wait(5000) !== 1) throw new Error(`Datagram ${i} has not arrived at one server`);
      const [name, fd] = servers[epoll.token(0)]!;
      const length = receive(fd, buffer, 0);
      if (length !== 1 || buffer[0] !== i) throw new Error(`recv: ${length} bytes, ${buffer[0]}`);
      got.push(name);
    }
  } finally {
    for (const fd of [from, ...servers.map(([, each]) => each)]) closeDescriptor(fd);
    epoll.close();
  }
  return got;
}
