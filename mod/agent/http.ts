/**
 * The agent's server of HTTP: there as the configuration wants it, tried again where it cannot be.
 * Nothing else waits for it, and nothing ends because of it.
 *
 * @module
 */

import { type HttpConfig, listenText } from "../../config/mod.ts";
import { readText } from "../../ffi/mod.ts";
import { type HttpEndpoint, HttpServer } from "../control/http_server.ts";
import type { HttpRules } from "../control/http_site.ts";
import type { HttpStatus } from "../control/status.ts";
import { sameBytes } from "../secret/mod.ts";
import { textOf } from "../text/mod.ts";
import { Pages, type PageSources } from "./http_pages.ts";
import { log, logCounts } from "./logging.ts";

/** Until it is tried again after the first failure, doubled up to the longest; milliseconds. */
const FIRST_RETRY = 250;
const LONGEST_RETRY = 10_000;

/** What there is to read. */
export interface HttpSources extends Omit<PageSources, "counts"> {
  /** By result. */
  readonly reloads: Readonly<Record<string, number>>;
  /** Clients of the control socket that were let go. */
  droppedByControl(): number;
}

export class Http {
  readonly #pages: Pages;
  #config: HttpConfig | undefined;
  #server: HttpServer | null = null;
  /** Certificate of the server, as it was read; undefined: it could not be. */
  #certificate: string | undefined;
  #trouble: string | null = null;
  /** The trouble that stands in the log. */
  #told: string | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The agent ends: what a reload or start under way still says comes too late. */
  #closed = false;
  /** Answers of servers that are gone, and clients that they let go. */
  readonly #former: Record<number, number> = {};
  #formerDropped = 0;

  constructor({ reloads, droppedByControl, ...sources }: HttpSources) {
    const counts = () => ({
      reloads,
      logRecords: logCounts.records,
      logSuppressed: logCounts.suppressed,
      requests: this.answers,
      droppedClients: {
        control: droppedByControl(),
        http: this.#formerDropped + (this.#server?.dropped ?? 0),
      },
    });
    this.#pages = new Pages({ ...sources, counts });
  }

  /** Answers since the start of the process, by their code. */
  get answers(): Record<string, number> {
    const all: Record<string, number> = { ...this.#former };
    for (const [code, count] of Object.entries(this.#server?.answers ?? {})) {
      all[code] = (all[code] ?? 0) + count;
    }
    return all;
  }

  get status(): HttpStatus | null {
    if (this.#config === undefined) return null;
    const { listen, tls, token } = this.#config;
    return {
      listen: listenText(listen),
      tls: tls !== undefined,
      token: token !== undefined,
      trouble: this.#trouble,
    };
  }

  /** Listens as `config` says from now on, with its certificate as it is now; absent: no more. */
  configure(config: HttpConfig | undefined): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    const before = this.#config;
    this.#config = config;
    const stays = this.#server !== null && config !== undefined && before !== undefined &&
      sameEndpoint(before, config) && this.#certificate === this.#read(config);
    if (stays) this.#server!.rules = rulesOf(config);
    else {
      this.#end();
      this.#begin(FIRST_RETRY);
    }
  }

  /** The certificate as it is now. */
  #read(config: HttpConfig): string | undefined {
    try {
      return certificateOf(config);
    } catch {
      return undefined;
    }
  }

  /** Takes no more requests. @returns when those that were taken are answered */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#config = undefined;
    const server = this.#server;
    this.#end();
    await server?.answered();
  }

  #begin(retry: number): void {
    const config = this.#config;
    if (config === undefined) return;
    try {
      const certificate = this.#certificate = certificateOf(config);
      const endpoint = endpointOf(config, certificate);
      this.#server = new HttpServer(endpoint, rulesOf(config), this.#pages);
      this.#trouble = null;
      log("info", ["http"], `Listens on ${listenText(config.listen)}`);
    } catch (error) {
      const trouble = textOf(error);
      // The process that hands over to us needs a moment to let go of its port: say it the second time.
      const [said, again] = [this.#told === trouble, this.#trouble === trouble];
      if (again && !said) {
        log("error", ["http"], `Cannot listen on ${listenText(config.listen)}: ${trouble}`);
        this.#told = trouble;
      }
      this.#trouble = trouble;
      this.#retry = setTimeout(() => this.#begin(Math.min(2 * retry, LONGEST_RETRY)), retry);
      Deno.unrefTimer(this.#retry);
    }
  }

  #end(): void {
    Object.assign(this.#former, this.answers);
    this.#formerDropped += this.#server?.dropped ?? 0;
    this.#server?.close();
    this.#server = null;
    this.#trouble = this.#told = null;
  }
}

function sameEndpoint(a: HttpConfig, b: HttpConfig): boolean {
  if (listenText(a.listen) !== listenText(b.listen)) return false;
  if (a.tls === undefined || b.tls === undefined) return a.tls === b.tls;
  return sameBytes(a.tls.key.reveal(), b.tls.key.reveal());
}

/** The text of the certificate; empty: none is wanted. @throws {SystemError} */
function certificateOf({ tls }: HttpConfig): string {
  return tls === undefined ? "" : readText(tls.certificate);
}

function endpointOf({ listen, tls }: HttpConfig, certificate: string): HttpEndpoint {
  if (tls === undefined) return listen;
  return { ...listen, tls: { certificate, key: new TextDecoder().decode(tls.key.reveal()) } };
}

function rulesOf({ listen, hosts, token }: HttpConfig): HttpRules {
  return {
    address: "path" in listen ? null : listen.address,
    hosts,
    ...(token === undefined ? {} : { token }),
  };
}
