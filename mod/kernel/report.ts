/**
 * What the kernel plane tells control about itself: which addresses a router has.
 *
 * @module
 */

import type { AddressReport } from "../plane/messages.ts";
import type { Duplicate } from "./duplicates.ts";
import type { LeaseBook } from "./lease.ts";
import type { LeasedRouter } from "./leased.ts";
import type { RoutingBook } from "./routing.ts";

/** A report without its ids. */
export type ReportContent = Omit<AddressReport, "type" | "id" | "cause" | "router">;

/** What is known of a router's addresses now. */
export function reportOf(
  router: LeasedRouter,
  book: LeaseBook,
  announcements: number,
  routing: RoutingBook,
): ReportContent {
  const present: string[] = [];
  const failed: { address: string; reason: string }[] = [];
  for (const address of router.addresses) {
    const reason = router.fault ?? address.failure;
    if (book.ownership.present(address)) present.push(address.held.address);
    else if (reason !== undefined) failed.push({ address: address.held.address, reason });
  }
  const { wanted } = router;
  const repairs = router.repairs + routing.repairs(router.router.name);
  const routes = routing.report(router);
  return { wanted, present, failed, ...routes, repairs, announcements };
}

/** What a report says of who else has a hand in the addresses; nothing where nobody has. */
export function exposure(
  open: string,
  duplicates: readonly Duplicate[],
): Pick<ReportContent, "open" | "duplicates"> {
  return {
    ...(open === "" ? {} : { open }),
    ...(duplicates.length === 0 ? {} : {
      duplicates: duplicates.map(({ address, mac, since }) => ({ address, mac, since })),
    }),
  };
}

/** What a report says of the interfaces of virtual MACs; nothing where nothing is wrong. */
export function troubleOf(problem: string): Pick<ReportContent, "virtualMacProblem"> {
  return problem === "" ? {} : { virtualMacProblem: problem };
}

/** Whether a report would say nothing new. */
export function sameReport(a: ReportContent, b: ReportContent): boolean {
  return a.wanted === b.wanted && a.repairs === b.repairs && a.announcements === b.announcements &&
    a.present.length === b.present.length && a.failed.length === b.failed.length &&
    a.present.every((address, i) => address === b.present[i]) &&
    a.failed.every(({ address, reason }, i) =>
      address === b.failed[i]?.address && reason === b.failed[i]?.reason
    ) && a.open === b.open && a.virtualMacProblem === b.virtualMacProblem &&
    JSON.stringify(rest(a)) === JSON.stringify(rest(b));
}

function rest({ routes, rules, duplicates }: ReportContent): unknown {
  return [routes, rules, duplicates];
}
