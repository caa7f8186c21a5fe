/**
 * Benchmarks by name: `deno task bench failover`. Each compares with the peer in the same run and
 * prints tables for docs/measurements.md.
 *
 * @module
 */

const BENCHMARKS: Record<string, () => Promise<{ run(args: readonly string[]): Promise<void> }>> = {
  failover: () => import("./failover.ts"),
  takeover: () => import("./takeover.ts"),
  cost: () => import("./cost.ts"),
  start: () => import("./start.ts"),
  leases: () => import("./leases.ts"),
  reload: () => import("./reload.ts"),
  authentication: () => import("./authentication.ts"),
  checks: () => import("./checks.ts"),
  ipvs: () => import("./ipvs.ts"),
  view: () => import("./view.ts"),
  simulate: () => import("./simulate.ts"),
  "bfd-accuracy": () => import("./bfd_accuracy.ts"),
  "bfd-cost": () => import("./bfd_cost.ts"),
  "bfd-failover": () => import("./bfd_failover.ts"),
};

if (import.meta.main) {
  const names = Deno.args.filter((word) => !word.startsWith("-"));
  const options = Deno.args.filter((word) => word.startsWith("-"));
  const wanted = names.length > 0 ? names : Object.keys(BENCHMARKS);
  for (const name of wanted) {
    const benchmark = BENCHMARKS[name];
    if (benchmark === undefined) {
      const known = Object.keys(BENCHMARKS).join(", ");
      console.error(`There is no benchmark "${name}": one of ${known}`);
      Deno.exit(2);
    }
    await (await benchmark()).run(options);
  }
  Deno.exit(0);
}
