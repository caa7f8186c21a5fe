/**
 * The small verbs of the group machine: one turn is one event and all that comes of it.
 *
 * @module
 */

import { leave, restartMasterDown, startWait, transition } from "./actions.ts";
import type { Group, GroupEffect, Member } from "./group_types.ts";
import { becomeMaster, step } from "./machine.ts";
import type { HealthEvent, Micros, Router, RouterEffect, RouterEvent } from "./types.ts";

export interface Turn {
  readonly group: Group;
  readonly now: Micros;
  readonly effects: GroupEffect[];
  /** A member that was master and is no longer, without being in fault. */
  fallen: Member | null;
}

/** Whether nothing of its own keeps it out of the election. */
export function isFit(member: Member): boolean {
  const { health, stopping } = member;
  return !stopping && health !== null && health.waitingFor.length === 0 && health.source !== null;
}

/** Master, and not on its way out. */
export function isMaster({ router }: Member): boolean {
  return router.state === "master" && !router.releasing;
}

/** Notes what a member's machine wants done; that it "has ended" only where it was told to end. */
export function emit(turn: Turn, member: Member, effects: readonly RouterEffect[]): void {
  const { name } = member.settings;
  for (const effect of effects) {
    if (effect.type === "stopped" && !member.stopping) continue;
    turn.effects.push({ type: "member", name, effect });
  }
}

/**
 * What the router remembers, to come back to. Its settings are the very same object, and so is its
 * memory of authentication, which the driver goes on changing: numbers that were used stay used.
 */
export function remember({ settings, authentication, ...router }: Router): Router {
  const kept = authentication === undefined ? {} : { authentication };
  return { ...structuredClone(router), settings, ...kept };
}

/**
 * Gives an event to a member's machine. If that makes it master it does not happen: the member has
 * a wish, and waits for the others.
 */
export function act(turn: Turn, member: Member, event: RouterEvent): void {
  const { router } = member;
  const before = router.state;
  // Adverts make nobody master, and there are many of them.
  const mayRise = before !== "master" && event.type !== "advertisement";
  const saved = mayRise ? remember(router) : null;
  const effects = step(router, event, turn.now);
  if (saved !== null && router.state === "master") {
    Object.assign(router, saved);
    if (event.type === "configure") router.settings = event.settings;
    if (event.type === "health") keepHealth(router, event);
    return waitForOthers(turn, member);
  }
  emit(turn, member, effects);
  if (before === "master" && router.state === "backup" && !member.lonely) turn.fallen = member;
}

function keepHealth(router: Router, event: HealthEvent): void {
  router.waitingFor = event.waitingFor;
  router.contribution = event.contribution;
  router.source = event.source;
}

/** A member whose time has come goes on listening; only the advert of a fit master ends its wish. */
function waitForOthers(turn: Turn, member: Member): void {
  const { router } = member;
  const effects: RouterEffect[] = [];
  if (router.state !== "backup") {
    transition(router, "backup", "healthy", turn.now, effects);
    router.masterInterval = router.settings.advertisementInterval;
  }
  router.master = null;
  restartMasterDown(router, turn.now, effects);
  member.expired = true;
  emit(turn, member, effects);
}

/** Whether it would be master if it were alone: its time is up, and nobody has spoken since. */
export function wishes({ router, expired }: Member): boolean {
  return router.state === "backup" && expired && router.master === null;
}

/**
 * Makes a backup master, as if its timer ran out now.
 *
 * @param reason instead of the machine's own
 * @param lead see `becomeMaster`
 */
export function promote(
  turn: Turn,
  member: Member,
  reason: string | null,
  lead: Micros = 0,
): void {
  const { router } = member;
  let effects: RouterEffect[];
  if (lead > 0) {
    effects = [];
    becomeMaster(router, reason ?? "asked for", turn.now, effects, lead);
  } else {
    const generation = ++router.generation;
    router.timer = { name: "master_down", generation, at: turn.now };
    effects = step(router, { type: "timer", generation }, turn.now);
  }
  member.expired = false;
  member.rival = null;
  emit(
    turn,
    member,
    effects.map((effect) =>
      effect.type === "transition" && reason !== null ? { ...effect, reason } : effect
    ),
  );
}

/** From master to backup for the sake of another member. */
export function yieldAlone(
  turn: Turn,
  member: Member,
  reason: string,
  effects: RouterEffect[],
  wait: Router["wait"] = "down",
): void {
  const { router } = member;
  leave(router, "backup", reason, turn.now, effects);
  router.masterInterval = router.settings.advertisementInterval;
  startWait(router, wait, turn.now, effects);
  emit(turn, member, effects);
}

/**
 * Several changes of one member's state within a turn are one to everybody else: it keeps the
 * place of the last, and the reason of the one that had one (`init` is passed through after a
 * release, `backup` on the way to master).
 */
export function mergeTransitions(effects: readonly GroupEffect[]): GroupEffect[] {
  const merged: GroupEffect[] = [];
  const at = new Map<string, number>();
  for (const one of effects) {
    if (one.type === "member" && one.effect.type === "transition") {
      const index = at.get(one.name);
      const earlier = index === undefined ? undefined : merged[index];
      if (earlier?.type === "member" && earlier.effect.type === "transition") {
        merged.splice(index!, 1);
        for (const [name, place] of at) if (place > index!) at.set(name, place - 1);
        const { from, reason } = earlier.effect;
        const why = one.effect.from === "init" ? reason : one.effect.reason;
        if (from === one.effect.to) {
          at.delete(one.name);
          continue;
        }
        at.set(one.name, merged.length);
        merged.push({ ...one, effect: { ...one.effect, from, reason: why } });
        continue;
      }
      at.set(one.name, merged.length);
    }
    merged.push(one);
  }
  return merged;
}
