/** What a router's events are worth a remark of: priorities that change, adverts that lose. */

import assert from "node:assert/strict";
import { IdSource } from "../../../mod/plane/ids.ts";
import type { Remark } from "../../../mod/plane/remarks.ts";
import { Remarks } from "../../../mod/protocol/remarks.ts";
import { type Router, type RouterEvent, step } from "../../../mod/vrrp/mod.ts";
import { advert, health, master, SECOND, started, timer } from "../vrrp/fixtures.ts";

/** A router whose events are watched. */
function watched(router: Router) {
  const told: string[] = [];
  const heard: string[] = [];
  const post = (remark: Remark) => {
    if (remark.type === "lower_priority") told.push(`${remark.address} has ${remark.priority}`);
    else if (remark.type === "peer") {
      heard.push(`${remark.address}: ${remark.before} to ${remark.priority}`);
    } else told.push(`${remark.state}: ${remark.from} to ${remark.to}`);
  };
  const remarks = new Remarks(router, new IdSource("protocol"), post);
  return {
    told,
    heard,
    after(event: RouterEvent, now: number): string[] {
      const { state } = router;
      step(router, event, now);
      remarks.after(event, state, router, now);
      return told.splice(0);
    },
  };
}

Deno.test("another priority is remarked while the state stays, as master and as backup", () => {
  const one = watched(master({ priority: 100 }));
  assert.deepEqual(one.after(health(20), 5 * SECOND), ["master: 100 to 120"]);
  assert.deepEqual(one.after(health(20), 5 * SECOND), []);
  assert.deepEqual(one.after(health(0), 6 * SECOND), ["master: 120 to 100"]);
  const router = started({ priority: 100 });
  const other = watched(router);
  assert.deepEqual(other.after(health(-30), SECOND), ["backup: 100 to 70"]);
  assert.deepEqual(other.after(timer(router.timer!.generation), router.timer!.at), []);
  assert.equal(router.state, "master");
});

Deno.test("who resigns just after another remark is not taken for one who died", () => {
  const one = watched(started({ priority: 100 }));
  one.after(advert({ priority: 150 }), SECOND);
  one.after(advert({ priority: 140 }), 2 * SECOND);
  one.after(advert({ priority: 0 }), 2 * SECOND + 1);
  const [first, second, third] = one.heard;
  assert.match(first!, /null to 150/);
  assert.match(second!, /150 to 140/);
  assert.match(third!, /140 to 0/);
  // And nobody floods us with it.
  for (let i = 2; i < 100; i++) one.after(advert({ priority: i % 2 }), 2 * SECOND + i);
  assert.equal(one.heard.length, 3);
});

Deno.test("an advert that loses is remarked once a second; a better one and a resignation are not", () => {
  const router = master({ priority: 100 });
  const one = watched(router);
  const lower = advert({ priority: 50 });
  assert.deepEqual(one.after(lower, 5 * SECOND).length, 1);
  assert.deepEqual(one.after(lower, 5 * SECOND + 999_999), []);
  assert.deepEqual(one.after(lower, 6 * SECOND).length, 1);
  assert.deepEqual(one.after(advert({ priority: 0 }), 8 * SECOND), []);
  assert.deepEqual(one.after(advert({ priority: 200 }), 9 * SECOND), []);
  assert.equal(router.state, "backup");
  assert.deepEqual(one.after(lower, 9 * SECOND + 1), []);
});
