/**
 * The keys of a virtual router that decide who becomes master, and when. Those that have no value
 * of their own mean what the RFC of the router's version says, once `strict` is known: see
 * {@link electionOf}. What they contradict each other in is in `election_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { duration, flag, whole } from "./fields.ts";

/** Adverts in a row that the RFCs let be missing before a backup takes over. */
export const RFC_DOWN_TIMER_ADVERTS = 3;

/** Keys of `[[vrrp]]` and of `[defaults.vrrp]`. */
export const ELECTION_KEYS = {
  preempt: v.optional(
    flag({
      text: "Take over from a master with a lower priority.",
      example: false,
    }),
    true,
  ),
  preempt_delay: v.optional(
    duration({ min: "0s", max: "1h" }, {
      text: "How long to let a master of lower priority be, counted from the moment this node is " +
        "healthy: interface, source address and trackers, the start-up delay too. A master that " +
        "falls silent meanwhile is replaced at once.",
      example: "30s",
    }),
    "0s",
  ),
  down_timer_adverts: v.optional(
    whole(1, 100, {
      text: "Adverts in a row that may be missing until a backup takes over (3 in the RFCs); the " +
        "same on all nodes. With 1 or 2, a lost packet or a moment's load is a failover.",
      example: 3,
    }),
    RFC_DOWN_TIMER_ADVERTS,
  ),
  answer_lower_priority: v.exactOptional(
    flag({
      text:
        "As master, answer the advert of a lower priority with one's own at once, so that the " +
        "other yields (RFC 9568). Without the key `true`; under `strict` in version 2 `false`, as " +
        "RFC 3768 has it.",
      example: false,
    }),
  ),
  advertise_before_yielding: v.exactOptional(
    flag({
      text: "As master, send a last advert before yielding to a better one, which then announces " +
        "the addresses again: after a cut that nobody noticed neighbours would go to the wrong " +
        "node otherwise. Without the key `true`; under `strict` `false`.",
      example: false,
    }),
  ),
  owner_ignore_adverts: v.exactOptional(
    flag({
      text:
        "As owner of the addresses (priority 255), discard every advert (RFC 9568 section 7.1). " +
        "Otherwise two owners, which is a mistake, end as one master. Without the key `false`; " +
        "under `strict` `true`.",
      example: true,
    }),
  ),
  strict: v.optional(
    flag({
      text: "Refuse whatever the RFCs do not know: keys such as `preempt_delay`, " +
        "`unicast` and `auth`, other values of `down_timer_adverts`, addresses over IPv6 that do " +
        "not begin with a link-local one.",
      example: true,
    }),
    false,
  ),
};

/** What {@link electionOf} goes by. */
interface Election {
  readonly version: 2 | 3;
  readonly strict: boolean;
  readonly answer_lower_priority?: boolean;
  readonly advertise_before_yielding?: boolean;
  readonly owner_ignore_adverts?: boolean;
}

/** The values of the keys that nobody wrote. */
export function electionOf(written: Election) {
  const { version, strict } = written;
  return {
    answer_lower_priority: written.answer_lower_priority ?? !(strict && version === 2),
    advertise_before_yielding: written.advertise_before_yielding ?? !strict,
    owner_ignore_adverts: written.owner_ignore_adverts ?? strict,
  };
}
