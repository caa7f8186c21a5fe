/** What may happen to virtual servers, by chance. */

import type {
  BalanceEvent,
  RealServerSettings,
  VirtualServerSettings,
} from "../../../mod/balance/mod.ts";
import type { Random } from "../../lib/random.ts";
import { real, SECOND, SORRY, virtual } from "./scene.ts";

export const CHECKS = ["a", "b", "c", "d"];
export const HOLDINGS = ["left", "right"];

function randomReal(random: Random, number: number): RealServerSettings {
  const checks = CHECKS.filter(() => random.chance(0.4));
  const plain = real(number, random.pick([0, 1, 1, 2, 5, 100]));
  return {
    ...plain,
    server: { ...plain.server, upperThreshold: random.pick([0, 10]) },
    checks,
    require: random.pick(["all", "any", 1, 2] as const),
    onFailure: random.pick(["remove", "weight-zero"] as const),
    startDown: random.chance(0.3),
    slowStart: random.pick([0, 0, 1, 3.5, 10]) * SECOND,
    drainTimeout: random.pick([0, 2, 7.25]) * SECOND,
  };
}

function randomReals(random: Random, low: number, high: number): RealServerSettings[] {
  const numbers: number[] = [];
  for (let number = low; number <= high; number++) if (random.chance(0.6)) numbers.push(number);
  return numbers.map((number) => randomReal(random, number));
}

export function randomServers(random: Random): VirtualServerSettings[] {
  return ["web", "mail", "dns"].filter(() => random.chance(0.8)).map((name, i) => {
    const quorum = random.pick([1, 1, 2, 3, 50]);
    return virtual(randomReals(random, 11, 15), {
      name,
      listen: [{
        protocol: random.pick(["tcp", "udp"] as const),
        address: "192.0.2.10",
        port: 80 + i,
      }],
      follow: random.chance(0.4) ? HOLDINGS.filter(() => random.chance(0.6)) : [],
      quorum,
      hysteresis: random.int(0, Math.min(quorum - 1, 2)),
      sorryServer: random.chance(0.5)
        ? {
          server: random.chance(0.3) ? real(11, 3).server : SORRY.server,
          inhibit: random.chance(0.5),
        }
        : null,
      announce: random.chance(0.5),
    });
  });
}

export function randomEvent(random: Random): BalanceEvent {
  const name = random.pick(["web", "mail", "dns"]);
  const realServer = `198.51.100.${random.int(11, 17)}`;
  switch (random.int(0, 8)) {
    case 0:
      return { type: "configure", servers: randomServers(random), checks: CHECKS };
    case 1:
      return { type: "holding", holding: random.pick(HOLDINGS), held: random.chance(0.5) };
    case 2: {
      const timeout = random.pick([null, 0, 1.5, 4]);
      const what = random.pick(
        [
          { order: "drain", timeout: timeout === null ? null : timeout * SECOND },
          { order: "drain", timeout: timeout === null ? null : timeout * SECOND },
          { order: "undrain" },
          { order: "weight", weight: random.pick([null, 0, 1, 9, 65_535, 65_536]) },
        ] as const,
      );
      return { type: "order", server: name, realServer, what };
    }
    case 3: {
      const [active, inactive] = [random.int(0, 2), random.int(0, 1)];
      return { type: "connections", counts: [{ server: name, realServer, active, inactive }] };
    }
    default: {
      const weight = random.chance(0.3)
        ? { kind: "percent", value: random.int(0, 150) } as const
        : null;
      const health = random.chance(0.6) ? "up" : "down";
      const finding = { check: random.pick(CHECKS), health, reason: "so", weight } as const;
      return { type: "check", finding };
    }
  }
}
