/**
 * What the keys of an election contradict each other in, and what `strict` does not allow. keepalived
 * corrects such things in its strict mode and goes on with something else than was written; here they
 * are refused, so that what runs is what the file says.
 *
 * @module
 */

import { RFC_DOWN_TIMER_ADVERTS } from "./election_fields.ts";
import { OTHER, type Report } from "./finding.ts";
import type { CheckedRouter } from "./router_checks.ts";
import { descend, keyPlace, type TreeNode, valuePlace } from "./tree.ts";

const OWNER = 255;

/** Keys that would have no effect, or the opposite of what was meant. */
function checkPreemption({ config, node }: CheckedRouter, report: Report): void {
  const owner = config.priority === OWNER;
  if (owner && !config.preempt) {
    report({
      place: keyPlace(descend(node, ["preempt"])),
      message: "`preempt = false` has no effect at priority 255: the owner always preempts",
      advice: "leave the key out, or give a priority below 255",
      severity: "warning",
    });
  }
  if (config.preempt_delay === 0) return;
  const delay = descend(node, ["preempt_delay"]);
  if (!config.preempt) {
    report({
      place: keyPlace(delay),
      message: `\`preempt_delay\` has no effect beside \`preempt = false\` (${OTHER})`,
      advice: "leave one of the two out",
      other: valuePlace(descend(node, ["preempt"])),
    });
  } else if (owner) {
    report({
      place: keyPlace(delay),
      message: `\`preempt_delay\` has no effect at priority 255 (${OTHER}): the owner of the ` +
        "addresses is master at once",
      advice: "leave the key out, or give a priority below 255",
      other: valuePlace(descend(node, ["priority"])),
    });
  }
}

/** A key that means something for owners only. */
function checkOwner({ config, node }: CheckedRouter, report: Report): void {
  const ignores = find(node, ["owner_ignore_adverts"]);
  // A default is for the routers that it can serve; only a router's own key was meant for it.
  if (ignores === undefined || ignores.path[0] === "defaults" || config.priority === OWNER) return;
  report({
    place: keyPlace(ignores),
    message: `\`owner_ignore_adverts\` has no effect at priority ${config.priority}: it is for ` +
      "owners of addresses, whose priority is 255",
    advice: "leave the key out",
    severity: "warning",
  });
}

/** What the RFCs do not know, and which of their sections say otherwise. */
function checkStrict({ config, node }: CheckedRouter, report: Report): void {
  if (!config.strict) return;
  const { version } = config;
  const other = valuePlace(descend(node, ["strict"]));
  const rfc = version === 2 ? "RFC 3768" : "RFC 9568";
  function refuse(path: readonly string[], why: string, advice: string): void {
    const message = `\`strict\` (${OTHER}) does not allow \`${path.join(".")}\`: ${why}`;
    report({ place: keyPlace(descend(node, path)), message, advice, other });
  }
  function refuseKey(path: readonly string[], why: string): void {
    if (find(node, path) !== undefined) refuse(path, why, "leave out one of the two");
  }
  if (config.preempt_delay !== 0) {
    refuse(["preempt_delay"], `${rfc} has no such delay`, "leave out one of the two");
  }
  if (config.down_timer_adverts !== RFC_DOWN_TIMER_ADVERTS) {
    const why = `${rfc} has ${RFC_DOWN_TIMER_ADVERTS}`;
    refuse(["down_timer_adverts"], why, `write \`${RFC_DOWN_TIMER_ADVERTS}\`, or leave it out`);
  }
  if (config.answer_lower_priority !== (version === 3)) {
    const why = version === 3
      ? "RFC 9568 section 6.4.3 wants the answer"
      : "RFC 3768 section 6.4.3 discards such adverts";
    refuse(["answer_lower_priority"], why, "leave out one of the two");
  }
  if (config.advertise_before_yielding) {
    const why = `${rfc} has a master yield in silence`;
    refuse(["advertise_before_yielding"], why, "leave out one of the two");
  }
  if (!config.owner_ignore_adverts && config.priority === OWNER) {
    const why = `${rfc} section 7.1 has an owner discard all adverts`;
    refuse(["owner_ignore_adverts"], why, "leave out one of the two");
  }
  refuseKey(["unicast"], `${rfc} knows multicast only`);
  // A signature beside the protocol's own message; but nobody unsigned may be believed then.
  const type = textAt(node, ["auth", "type"]);
  if (type === "hmac") {
    const mode = textAt(node, ["auth", "mode"]) ?? "enforce";
    if (mode !== "enforce") {
      refuse(["auth", "mode"], "what is not signed must not be believed", 'write `"enforce"`');
    }
  } else if (type !== "none") refuseKey(["auth"], `${rfc} has removed authentication`);
  if (version === 2 && config.accept && config.priority !== OWNER) {
    const why = "RFC 3768 section 6.4.3 has only the owner take packets to the addresses";
    refuse(["accept"], why, "write `accept = false`");
  }
  const base = find(node, ["virtual_mac", "transmit_on_base"]);
  if (base?.kind === "scalar" && base.value === true) {
    const why = "adverts come from the virtual MAC";
    refuse(["virtual_mac", "transmit_on_base"], why, "leave out one of the two");
  }
  refuseKey(["virtual_mac", "mac"], "the RFCs say what the virtual MAC is");
}

/** What somebody wrote at `path`, for this router or for all; undefined: nobody did. */
function find(node: TreeNode, path: readonly string[]): TreeNode | undefined {
  let current: TreeNode | undefined = node;
  for (const key of path) {
    current = current?.kind === "table" ? current.entries.get(key) : undefined;
  }
  return current;
}

function textAt(node: TreeNode, path: readonly string[]): string | undefined {
  const found = find(node, path);
  return found?.kind === "scalar" && typeof found.value === "string" ? found.value : undefined;
}

/** Reports what the election of one router contradicts itself in. */
export function checkElection(router: CheckedRouter, report: Report): void {
  checkPreemption(router, report);
  checkOwner(router, report);
  checkStrict(router, report);
}
