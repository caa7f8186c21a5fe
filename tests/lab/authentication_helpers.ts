/**
 * What the labs of authentication share: packets as they are on the wire, recorded and sent again.
 *
 * @module
 */

import type { Host, Lab } from "../lib/mod.ts";

/** Waits until a condition holds, or says nothing of it when it throws. */
export async function soon(
  lab: Lab,
  what: string,
  condition: () => unknown,
  timeoutMs = 5000,
  intervalMs = 50,
): Promise<void> {
  await lab.until(what, async () => await condition(), timeoutMs, intervalMs);
}

/** Sends IPv4 packets as they are from a host's raw socket. */
export async function sendRaw(lab: Lab, host: Host, packets: readonly Uint8Array[]): Promise<void> {
  const path = `${lab.directory}/raw-${host.name}.json`;
  Deno.writeTextFileSync(path, JSON.stringify(packets.map((packet) => [...packet])));
  const program = "import json,socket,sys\n" +
    "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_RAW)\n" +
    "s.setsockopt(socket.SOL_SOCKET,socket.SO_BINDTODEVICE,b'eth0')\n" +
    "s.setsockopt(socket.IPPROTO_IP,socket.IP_MULTICAST_LOOP,0)\n" +
    "for p in json.load(open(sys.argv[1])): s.sendto(bytes(p),('224.0.0.18',0))\n";
  await host.exec(["python3", "-c", program, path]);
}

/** The IPv4 packets of a pcap file of Ethernet frames. */
export async function rawPackets(path: string): Promise<Uint8Array[]> {
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  const little = view.getUint32(0, true) % 256 !== 0xa1 && bytes[0] !== 0xa1;
  const link = view.getUint32(20, little);
  const header = link === 1 ? 14 : link === 113 ? 16 : 20;
  const packets: Uint8Array[] = [];
  for (let at = 24; at + 16 <= bytes.length;) {
    const length = view.getUint32(at + 8, little);
    const packet = bytes.slice(at + 16 + header, at + 16 + length);
    packets.push(packet.slice(0, packet[2]! * 256 + packet[3]!));
    at += 16 + length;
  }
  return packets;
}
