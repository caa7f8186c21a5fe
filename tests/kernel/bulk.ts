/**
 * Large tables, and the least that it takes to bring one into the kernel: what everybody else is
 * measured by.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeCommand, type Table } from "../../mod/ipvs/mod.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { MessageWriter } from "../../mod/netlink/mod.ts";
import { saved, server, tableOf, tcp, virtual } from "./lib.ts";

/** Addresses that the real servers have; the rest differs by its port. */
const ADDRESSES = 250;
const FIRST_PORT = 1000;

/** The n-th of all real servers, from 0. */
export function bulkServer(n: number): { readonly address: string; readonly port: number } {
  const address = `198.51.100.${1 + n % ADDRESSES}`;
  return { address, port: FIRST_PORT + Math.floor(n / ADDRESSES) };
}

/** Address of a service by its number. */
export function bulkService(service: number): string {
  return `192.0.2.${service + 1}`;
}

/**
 * So many services with so many servers each: TCP, NAT, `wlc`.
 *
 * @param weight of each server; 1 unless given
 */
export function bulkTable(
  services: number,
  servers: number,
  weight: (service: number, server: number) => number = () => 1,
): Table {
  return tableOf(...Array.from({ length: services }, (_, i) => {
    const list = Array.from({ length: servers }, (_, j) => {
      const { address, port } = bulkServer(i * servers + j);
      return server(address, { port, weight: weight(i, j) });
    });
    return virtual(tcp(bulkService(i)), list);
  }));
}

/** Milliseconds that it takes. */
export function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/**
 * Messages built beforehand, each sent and its answer awaited.
 *
 * @returns milliseconds of sending and receiving
 */
export function bareLoop(namespace: string, table: Table): number {
  const io = openIpvs(namespace);
  try {
    const messages: Uint8Array[] = [];
    const add = (command: Parameters<typeof encodeCommand>[3]) => {
      const writer = new MessageWriter(192);
      encodeCommand(writer, io.family, messages.length + 1, command);
      messages.push(writer.finish());
    };
    for (const { service, destinations } of table.values()) {
      add({ kind: "add-service", service });
      for (const destination of destinations.values()) {
        add({ kind: "add-destination", service: service.key, destination });
      }
    }
    let answers = 0;
    const time = timed(() => {
      for (const message of messages) {
        io.send(message);
        if (io.receive() !== undefined) answers++;
      }
    });
    assert.equal(answers, messages.length);
    assert.equal(saved(namespace).length, messages.length);
    return time;
  } finally {
    io.close();
  }
}
