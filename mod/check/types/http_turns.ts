/**
 * Several URLs in turn, and redirects where they are wanted: which exchange comes next.
 *
 * A redirect never leads away from the server that is being checked: the connection goes to the
 * same address, be the name what it may, so that a server cannot send us to ask others. The port
 * changes only together with the scheme, and the scheme never from https to http.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showText } from "../../text/mod.ts";
import { headerOf, type HttpResponse } from "./http_expect.ts";
import type { HttpExchange } from "./http.ts";

/** All that one probe asks. */
export interface HttpPlan {
  /** At least one; all must pass. */
  readonly exchanges: readonly HttpExchange[];
  /** Redirects that are followed in a row; 0: none. */
  readonly redirects: number;
}

/** What comes next. */
export type HttpTurn =
  | { readonly exchange: HttpExchange; readonly outcome?: undefined }
  | { readonly exchange?: undefined; readonly outcome: Outcome };

/** The exchanges of one probe, one after the other. */
export class HttpTurns {
  readonly #plan: HttpPlan;
  #index = 0;
  #redirects = 0;
  #warnings: string[] = [];

  constructor(plan: HttpPlan) {
    if (plan.exchanges.length === 0) throw new RangeError("An HTTP check needs a URL");
    this.#plan = plan;
  }

  /** The first one. */
  get first(): HttpExchange {
    return this.#plan.exchanges[0]!;
  }

  /** After an exchange. @param response `null`: there was none */
  next(exchange: HttpExchange, response: HttpResponse | null, outcome: Outcome): HttpTurn {
    this.#warnings.push(...outcome.warnings.filter((text) => !this.#warnings.includes(text)));
    if (response !== null && this.#plan.redirects > 0 && isRedirect(response.status)) {
      return this.#redirected(exchange, response);
    }
    const warnings = this.#warnings;
    const several = this.#plan.exchanges.length > 1;
    if (outcome.result !== "passed") {
      const where = several
        ? `${showText(this.#plan.exchanges[this.#index]!.request.path, 80)}: `
        : "";
      return { outcome: { ...outcome, reason: where + outcome.reason, warnings } };
    }
    this.#index++;
    this.#redirects = 0;
    const following = this.#plan.exchanges[this.#index];
    if (following !== undefined) return { exchange: following };
    return { outcome: passed(outcome.reason, { output: outcome.output, warnings }) };
  }

  #redirected(exchange: HttpExchange, response: HttpResponse): HttpTurn {
    const refuse = (reason: string) => ({ outcome: failed(reason, { warnings: this.#warnings }) });
    this.#redirects++;
    if (this.#redirects > this.#plan.redirects) {
      return refuse(`more than ${this.#plan.redirects} redirects in a row`);
    }
    const location = headerOf(response, "location");
    if (location === undefined) return refuse(`HTTP status ${response.status} without a Location`);
    const { request } = exchange;
    let to: URL;
    try {
      to = new URL(location, `${request.scheme}://${request.host}${request.path}`);
    } catch {
      return refuse(`redirected to "${showText(location, 80)}", which is no address`);
    }
    if (to.protocol !== "http:" && to.protocol !== "https:") {
      return refuse(`redirected to the scheme ${showText(to.protocol, 20)}`);
    }
    if (request.scheme === "https" && to.protocol === "http:") {
      return refuse("redirected from https to http");
    }
    // RFC 9110 section 15.4: 303 asks with GET, 301 and 302 do so after POST.
    const keeps = response.status === 307 || response.status === 308 || request.method === "HEAD";
    const method = keeps ? request.method : "GET";
    const body = keeps ? request.body : null;
    // Credentials are for the name that they were given for.
    const headers = to.host === request.host
      ? request.headers
      : request.headers.filter(([name]) => !/^(authorization|cookie|host)$/i.test(name));
    const scheme = to.protocol === "https:" ? "https" : "http";
    const path = to.pathname + to.search;
    return {
      exchange: {
        ...exchange,
        port: scheme === request.scheme ? exchange.port : Number(to.port || 443),
        request: { method, path, host: to.host, scheme, headers, body },
      },
    };
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
