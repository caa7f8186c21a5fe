/**
 * The ids of checks: that of a named one is its name; one that stands at a real server is known by
 * both servers, its type, and where there are several of one type, its number. No name of ours has
 * blanks, so that the two can never be the same. Pure.
 *
 * @module
 */

import {
  type CheckConfig,
  type CheckUseConfig,
  endpointText,
  type RealServerConfig,
  type SiteConfig,
} from "../../config/mod.ts";

/** A check that stands at a real server. */
export interface ServerCheck {
  readonly id: string;
  readonly check: CheckConfig;
  readonly virtualServer: string;
  /** As the operator writes it: `198.51.100.11:8080`. */
  readonly realServer: string;
  /** Where it asks unless it says otherwise; port 0: that of a mark, none. */
  readonly server: { readonly address: string; readonly port: number };
}

/** Ids of the checks of a real server, in their order. */
export function checkIds(
  virtualServer: string,
  { address, check }: Pick<RealServerConfig, "address" | "check">,
): string[] {
  const place = `${virtualServer} ${endpointText(address)}`;
  return check.map((use, index) => {
    if ("name" in use) return use.name;
    const alike = check.slice(0, index).filter((other) => typeOf(other) === use.type).length;
    return `${place} ${use.type}${alike === 0 ? "" : `#${alike + 1}`}`;
  });
}

function typeOf(use: CheckUseConfig): string | undefined {
  return "name" in use ? undefined : use.type;
}

/** All checks that stand at real servers. */
export function serverChecks(
  { virtual_server }: Pick<SiteConfig, "virtual_server">,
): ServerCheck[] {
  return virtual_server.flatMap(({ name, listen, real_server }) =>
    real_server.flatMap((real) => {
      const ids = checkIds(name, real);
      const { address, port = listen[0]?.port ?? 0 } = real.address;
      return real.check.flatMap((check, index): ServerCheck[] =>
        "name" in check ? [] : [{
          id: ids[index]!,
          check,
          virtualServer: name,
          realServer: endpointText(real.address),
          server: { address, port },
        }]
      );
    })
  );
}
