/**
 * The reflector of Seamless BFD on its sockets: UDP port 7784 over IPv4 and IPv6 (RFC 7881), each
 * answer from the address that was asked, back to the port that asked, with a TTL of 255.
 *
 * Whoever asks decides how much there is to do. So answers have a share of the thread's time, and
 * when it is used up the sockets are left alone for a while: the kernel drops what does not fit into
 * their queues, and adverts and sessions go on as if nothing were.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  bindSocket,
  bindToDevice,
  closeDescriptor,
  EADDRINUSE,
  EAGAIN,
  inNamespace,
  IP_PKTINFO,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  MessageReceiver,
  MessageSender,
  openSocket,
  packetInfo4,
  packetInfo6,
  setOption,
  SO_RCVBUF,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrIn6,
  sockaddrPort,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import {
  type AuthenticationSettings,
  LONGEST_CONTROL,
  reflect,
  type ReflectorDrop,
  type ReflectorSettings,
  SEAMLESS_PORT,
} from "../bfd/mod.ts";
import { inPrefix, parseIp } from "../ip/mod.ts";
import type { ReflectorPlan, ReflectorReport } from "../plane/bfd_strangers.ts";
import { Allowance } from "./allowance.ts";
import { type BfdSource, ROOM } from "./bfd_sources.ts";
import { ownerOfUdpPort } from "../plane/port_owner.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Share of the thread's time for answers, and how much of it, microseconds, is saved up. */
const SHARE = 0.1;
const SAVED = 4_000;
/** Microseconds to have again before questions are read on. */
const RESUME = 1_000;
/** Most questions in one go: with digests each may take 50 µs. */
const BATCH = 8;
/** What the kernel may queue meanwhile. */
const BUFFER = 1 << 18;
/** How long to wait before what could not be opened is tried again, microseconds. */
const RETRY = 1_000_000;

const LARGEST_TTL = 255;
/** Network control (CS6), as the sessions have it. */
const CLASS_CONTROL = 0xc0;

type Family = "ipv4" | "ipv6";

/** What the reflector needs from around it. */
export interface ReflectorSurroundings {
  readonly heap: TimerHeap;
  /** Microseconds on CLOCK_MONOTONIC. */
  clock(): number;
  /** Index of the interface that has this name now; 0: there is none. */
  indexOf(namespace: string, name: string): number;
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
}

interface Prefix {
  readonly network: Uint8Array;
  readonly length: number;
}

interface Counters {
  received: number;
  sent: number;
  sendErrors: number;
  pauses: number;
  readonly dropped: Partial<Record<ReflectorDrop, number>>;
}

export class BfdReflector implements Deadline {
  at = Infinity;
  position = -1;
  readonly #env: ReflectorSurroundings;
  readonly #counters: Counters = { received: 0, sent: 0, sendErrors: 0, pauses: 0, dropped: {} };
  #allowance = new Allowance({ share: SHARE, most: SAVED, resume: RESUME });
  /** Sockets by what they are bound to. */
  readonly #sockets = new Map<string, ReflectorSocket>();
  #plan: ReflectorPlan | null = null;
  #authentication: AuthenticationSettings | null = null;
  #settings: ReflectorSettings | null = null;
  #allow: readonly Prefix[] = [];
  #waitingFor: string[] = [];
  #paused = false;

  constructor(env: ReflectorSurroundings) {
    this.#env = env;
  }

  /**
   * Other wishes; `null`: none. Sockets that are still wanted are not touched.
   *
   * @param authentication null where the plan wants some: nothing is answered
   */
  configure(
    plan: ReflectorPlan | null,
    authentication: AuthenticationSettings | null,
    now: number,
  ): void {
    this.#plan = plan;
    this.#authentication = authentication;
    this.#settings = plan && { ...plan, authentication };
    this.#allow = plan === null ? [] : plan.allow.map(prefixOf);
    this.refresh(now);
  }

  /** Interfaces have come or gone, or it is time to try again: opens and closes what has changed. */
  refresh(now: number): void {
    const wanted = new Map<string, Binding>();
    this.#waitingFor = [];
    const plan = this.#plan;
    if (plan !== null) {
      if (plan.authentication !== undefined && this.#authentication === null) {
        this.#waitingFor.push("a key");
      } else {for (const binding of this.#bindings(plan)) {
          wanted.set(JSON.stringify(binding), binding);
        }}
    }
    for (const [key, socket] of this.#sockets) if (!wanted.has(key)) this.#close(key, socket);
    for (const [key, binding] of wanted) if (!this.#sockets.has(key)) this.#open(key, binding);
    this.#arm(now);
  }

  /** Where it is to listen now. */
  #bindings(plan: ReflectorPlan): Binding[] {
    const { namespace, addresses } = plan;
    const found: Binding[] = [];
    const names = plan.interfaces.length === 0 ? [""] : plan.interfaces;
    for (const name of names) {
      const index = name === "" ? 0 : this.#env.indexOf(namespace, name);
      if (name !== "" && index === 0) {
        this.#waitingFor.push(`interface ${name}: not there`);
        continue;
      }
      const base = { namespace, interface: name, index };
      if (addresses.length === 0) {
        found.push({ ...base, family: "ipv4", address: "0.0.0.0" });
        found.push({ ...base, family: "ipv6", address: "::" });
      }
      for (const address of addresses) {
        found.push({ ...base, family: address.includes(":") ? "ipv6" : "ipv4", address });
      }
    }
    return found;
  }

  #open(key: string, binding: Binding): void {
    try {
      const socket = new ReflectorSocket(binding, this);
      this.#sockets.set(key, socket);
      if (!this.#paused) this.#env.watch(socket);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { address, interface: name } = binding;
      this.#waitingFor.push(`${address}${name === "" ? "" : ` on ${name}`}: ${error.message}`);
    }
  }

  #close(key: string, socket: ReflectorSocket): void {
    if (!this.#paused) this.#env.unwatch(socket);
    closeDescriptor(socket.descriptor);
    this.#sockets.delete(key);
  }

  /** Its time for answers has come again, or another attempt at what is missing. */
  fire(now: number): void {
    if (this.#paused && this.#allowance.resumeAt(now) === Infinity) this.#resume();
    if (this.#waitingFor.length > 0) this.refresh(now);
    else this.#arm(now);
  }

  #arm(now: number): void {
    let at = this.#waitingFor.length > 0 ? now + RETRY : Infinity;
    if (this.#paused) at = Math.min(at, this.#allowance.resumeAt(now));
    if (this.#paused && at === Infinity) at = now;
    if (at === Infinity) this.#env.heap.cancel(this);
    else this.#env.heap.set(this, at);
  }

  #pause(now: number): void {
    this.#paused = true;
    this.#counters.pauses++;
    for (const socket of this.#sockets.values()) this.#env.unwatch(socket);
    this.#arm(now);
  }

  #resume(): void {
    this.#paused = false;
    for (const socket of this.#sockets.values()) this.#env.watch(socket);
  }

  /** Answers what waits in one socket, within its share of the time. */
  serve(socket: ReflectorSocket, budget: number): number {
    const settings = this.#settings;
    const most = Math.min(budget, BATCH);
    const from = this.#env.clock();
    let count = 0;
    while (count < most && !this.#paused && settings !== null) {
      const result = socket.answer(settings, this.#allow, this.#plan!.minimumTtl);
      if (result === null) break;
      count++;
      this.#count(result);
    }
    const now = this.#env.clock();
    this.#allowance.spend(now - from);
    if (this.#allowance.resumeAt(now) !== Infinity && !this.#paused) this.#pause(now);
    return count;
  }

  #count(result: number | ReflectorDrop): void {
    const counters = this.#counters;
    counters.received++;
    if (typeof result === "string") counters.dropped[result] = (counters.dropped[result] ?? 0) + 1;
    else if (result < 0) counters.sendErrors++;
    else counters.sent++;
  }

  /** For status; null: it is off. */
  describe(): ReflectorReport | null {
    if (this.#plan === null) return null;
    const { received, sent, sendErrors, pauses, dropped } = this.#counters;
    return {
      waitingFor: this.#waitingFor,
      packetsReceived: received,
      packetsSent: sent,
      sendErrors,
      pauses,
      dropped: { ...dropped },
    };
  }
}

/** What a socket is bound to; `index` is the interface's, so that one made anew is another. */
interface Binding {
  readonly namespace: string;
  readonly interface: string;
  readonly index: number;
  readonly family: Family;
  readonly address: string;
}

// What is read is answered before the next is read: one set of buffers serves all sockets.
const message = new MessageReceiver(ROOM);
const sender = new MessageSender(LONGEST_CONTROL);
const answer = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));

/** Where things stand in `struct sockaddr_in` and `sockaddr_in6`, and behind a control header. */
const LAYOUT = {
  ipv4: { size: 16, address: 4, length: 4, info: 16, local: 20, heard: 8 },
  ipv6: { size: 28, address: 8, length: 16, info: 16, local: 16, heard: 0 },
} as const;

class ReflectorSocket implements BfdSource {
  readonly descriptor: number;
  readonly #reflector: BfdReflector;
  readonly #family: Family;
  /** Views of `message`: whom to answer, and the address alone. */
  readonly #from: Uint8Array;
  readonly #address: Uint8Array;
  /** Says from which of our addresses to answer. */
  readonly #control: Uint8Array;

  /** @throws {SystemError} which names the program that has the port */
  constructor(binding: Binding, reflector: BfdReflector) {
    const { family } = binding;
    this.#family = family;
    this.#reflector = reflector;
    const { size, address, length } = LAYOUT[family];
    this.#from = message.source.subarray(0, size);
    this.#address = message.source.subarray(address, address + length);
    this.#control = family === "ipv4"
      ? packetInfo4(0, new Uint8Array(4))
      : packetInfo6(0, new Uint8Array(16));
    this.descriptor = inNamespace(binding.namespace, () => openReflector(binding));
  }

  read(budget: number): number {
    return this.#reflector.serve(this, budget);
  }

  /**
   * Answers one question.
   *
   * @returns what `sendmsg` said, or why there is no answer; null: nothing waits
   */
  answer(
    settings: ReflectorSettings,
    allow: readonly Prefix[],
    minimumTtl: number,
  ): number | ReflectorDrop | null {
    const length = message.receive(this.descriptor);
    if (length === -EAGAIN) return null;
    if (length < 0) return length;
    if (message.hopLimit < minimumTtl) return "ttl";
    if (allow.length > 0 && !this.#allowed(allow)) return "not_allowed";
    const port = sockaddrPort(this.#from);
    const made = reflect(message.payload, length, port, settings, answer);
    if (typeof made === "string") return made;
    this.#answerFromWhereAsked();
    return sender.send(this.descriptor, answer, made, this.#from, this.#control);
  }

  #allowed(allow: readonly Prefix[]): boolean {
    for (let i = 0; i < allow.length; i++) {
      const { network, length } = allow[i]!;
      if (network.length !== this.#address.length) continue;
      if (inPrefix(this.#address, network, length)) return true;
    }
    return false;
  }

  #answerFromWhereAsked(): void {
    const { local, length, heard } = LAYOUT[this.#family];
    const at = heard +
      (this.#family === "ipv4"
        ? message.findControl(IPPROTO_IP, IP_PKTINFO)
        : message.findControl(IPPROTO_IPV6, IPV6_PKTINFO));
    for (let i = 0; i < length; i++) this.#control[local + i] = message.control[at + i]!;
  }
}

function openReflector({ family, interface: name, index, address }: Binding): number {
  const fd = openSocket(family === "ipv4" ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  try {
    if (name !== "") bindToDevice(fd, name);
    setOption(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
    if (family === "ipv4") {
      setOption(fd, IPPROTO_IP, IP_RECVTTL, 1);
      setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
      setOption(fd, IPPROTO_IP, IP_TTL, LARGEST_TTL);
      setOption(fd, IPPROTO_IP, IP_TOS, CLASS_CONTROL);
      bindSocket(fd, sockaddrIn(address, SEAMLESS_PORT));
    } else {
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, LARGEST_TTL);
      setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
      bindSocket(fd, sockaddrIn6(address, SEAMLESS_PORT, index));
    }
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
    const owner = ownerOfUdpPort(family, SEAMLESS_PORT) ?? "another program";
    throw new SystemError("bind", EADDRINUSE, `UDP port ${SEAMLESS_PORT} belongs to ${owner}`);
  }
}

function prefixOf(text: string): Prefix {
  const [network, length] = text.split("/");
  return { network: parseIp(network!)!, length: Number(length) };
}
