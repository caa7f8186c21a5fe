/**
 * Metrics and status over HTTP, of the built binary: what a real parser of Prometheus reads, who is
 * refused, and that slow clients and a flood of requests delay nothing.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { ReloadResult } from "../../mod/agent/results.ts";
import { FAMILIES } from "../../mod/metrics/mod.ts";
import { adverts, takeovers } from "../lib/adverts.ts";
import { type HalbAgent, type Host, type Lab, lab } from "../lib/mod.ts";
import { routerOf, startPair, statusOf, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const PYTHON = "/usr/bin/python3";
const CLIENT = new URL("../lib/prometheus.py", import.meta.url).pathname;
const URL_OF_A = "http://127.0.0.1:9650";

function site(http: string, more = ""): string {
  return `[agent]\nhttp = { by_host = { a = { ${http} }, b = { listen = "127.0.0.1:9650" } } }\n\n` +
    webSite("100ms", more);
}

interface Page {
  readonly type: string;
  readonly families: readonly {
    readonly name: string;
    readonly type: string;
    readonly samples: readonly [string, Readonly<Record<string, string>>, number][];
  }[];
}

/** The page as `prometheus_client` understands it. */
async function read(host: Host, form: "text" | "openmetrics", ...token: string[]): Promise<Page> {
  const argv = [PYTHON, CLIENT, "read", `${URL_OF_A}/metrics`, form, ...token];
  return JSON.parse(await host.exec(argv)) as Page;
}

/** Values by series, labels in the order of their names. */
function valuesOf({ families }: Page): Map<string, number> {
  return new Map(
    families.flatMap(({ samples }) =>
      samples.map(([name, labels, value]): [string, number] => {
        const all = Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1);
        return [`${name}{${all.map(([label, text]) => `${label}=${text}`).join()}}`, value];
      })
    ),
  );
}

/** Series that only grow; those whose value is below that of before. */
function fallen(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...before].filter(([series, value]) =>
    /^\w+_(total|bucket|count)\{/.test(series) && !((after.get(series) ?? -1) >= value)
  ).map(([series, value]) => `${series}: ${value}, then ${after.get(series)}`);
}

async function code(host: Host, method: string, url: string, ...fields: string[]) {
  return Number(await host.exec([PYTHON, CLIENT, "code", method, url, ...fields]));
}

async function reload(agent: HalbAgent, text: string): Promise<ReloadResult["result"]> {
  agent.writeSite(text);
  return (await ask(agent.controlPath, { command: "reload" }) as ReloadResult).result;
}

/** Waits until the agent listens as configured: the port may be free a moment later only. */
async function untilListening(lab: Lab, agent: HalbAgent): Promise<void> {
  await lab.until(`${agent.name} listens`, async () => {
    const { http } = await statusOf(agent);
    if (http !== null && http.trouble === null) return true;
    throw new Error(http?.trouble ?? "no HTTP");
  }, 15_000);
}

lab("a real parser reads what halb status says, over reloads and an upgrade", async (lab) => {
  const http = 'listen = "127.0.0.1:9650"';
  const { a, hosts: [host] } = await startPair(lab, site(http));
  await untilListening(lab, a);
  const sent = async () => (await routerOf(a, "web")).sessions[0]!.counters.advertisements_sent;
  const known = new Map(FAMILIES.map(({ name, type }) => [name, type]));
  for (const form of ["text", "openmetrics"] as const) {
    const least = await sent();
    const page = await read(host, form);
    assert.match(page.type, form === "text" ? /version=0\.0\.4/ : /openmetrics-text/);
    const values = valuesOf(page);
    const { vrrp: [web], generation } = await statusOf(a);
    const state = (name: string) =>
      values.get(`halb_vrrp_state{interface=eth0,name=web,state=${name},virtual_router_id=51}`);
    assert.deepEqual(["init", "backup", "master", "fault"].map(state), [0, 0, 1, 0]);
    assert.equal(values.get("halb_vrrp_priority{name=web}"), 150);
    assert.equal(values.get("halb_vrrp_transitions_total{name=web}"), web!.transitions);
    assert.equal(values.get("halb_config_generation{}"), generation);
    const adverts = values.get(
      "halb_vrrp_advertisements_total{direction=sent,family=ipv4,name=web}",
    )!;
    assert.ok(adverts <= await sent(), `${adverts} adverts`);
    // A page may be a second old, and the one before it was read at the start.
    assert.ok(adverts > 0 && adverts >= least - 60, `${adverts} adverts, ${least} before`);
    for (const { name, type } of page.families) {
      const promised = known.get(name) ?? known.get(`${name}_total`);
      assert.equal(type, promised, name);
    }
  }
  await lab.until("adverts are counted on", async () => {
    const least = await sent();
    await lab.until("the page is new", async () => {
      const values = valuesOf(await read(host, "text"));
      return values.get("halb_vrrp_advertisements_total{direction=sent,family=ipv4,name=web}")! >=
        least;
    }, 10_000);
    return true;
  }, 15_000);

  // Two reloads that are applied, one that is not: nothing that is counted falls.
  let before = valuesOf(await read(host, "text"));
  const results = [
    await reload(a, site(http, "garp = { repeat = 2 }")),
    await reload(a, `${site(http)}priority = 300\n`),
    await reload(a, site(`${http}, hosts = ["edge.example.net"]`)),
  ];
  assert.deepEqual(results, ["applied", "invalid", "applied"]);
  await untilListening(lab, a);
  await lab.until("the reloads are counted", async () => {
    const values = valuesOf(await read(host, "text"));
    assert.deepEqual(fallen(before, values), []);
    before = values;
    return values.get("halb_reload_total{result=applied}") === 2 &&
      values.get("halb_reload_total{result=invalid}") === 1;
  }, 10_000);

  // Another process goes on with the counters of its routers, at the same port.
  const transitions = "halb_vrrp_transitions_total{name=web}";
  const { new: successor } = await upgrade(a);
  await lab.until("the successor answers", async () => {
    const values = valuesOf(await read(host, "text"));
    const { pid, http, vrrp: [web] } = await statusOf(a);
    return pid === successor.pid && http?.trouble === null &&
      values.get(transitions) === web!.transitions && web!.transitions > 0 &&
      values.get("halb_reload_total{result=applied}") === 0;
  }, 20_000);
});

lab(
  "who has no token, another host or other wishes is refused; a port in use is said",
  async (lab) => {
    const { a, hosts: [host] } = await startPair(lab, site('listen = "127.0.0.1:9650"'));
    await untilListening(lab, a);
    const metrics = `${URL_OF_A}/metrics`;
    assert.equal(await code(host, "GET", metrics), 200);
    assert.equal(await code(host, "HEAD", metrics), 200);
    assert.equal(await code(host, "POST", metrics), 405);
    assert.equal(await code(host, "GET", `${URL_OF_A}/gone`), 404);
    assert.equal(await code(host, "GET", metrics, "Host: rebound.example.com"), 421);

    // The same listener with other rules.
    const token = 'listen = "127.0.0.1:9650", token = "open-sesame", hosts = ["edge.example.net"]';
    assert.equal(await reload(a, site(token)), "applied");
    const bearer = "Authorization: Bearer open-sesame";
    await lab.until("the token counts", async () => await code(host, "GET", metrics) === 401, 5000);
    assert.equal(await code(host, "GET", metrics, "Authorization: Bearer open-sesam"), 401);
    assert.equal(await code(host, "GET", metrics, bearer, "Host: edge.example.net"), 200);
    assert.ok((await read(host, "text", "open-sesame")).families.length > 20);
    assert.doesNotMatch(JSON.stringify(await statusOf(a)) + a.log(), /sesame/);

    // TLS, at the same port.
    const [key, certificate] = [`${lab.directory}/http.key`, `${lab.directory}/http.pem`];
    const make = [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
    ];
    await host.exec([
      ...[...make, "-nodes", "-subj", "/CN=edge.example.net", "-days", "2"],
      ...["-keyout", key, "-out", certificate],
    ]);
    Deno.chmodSync(key, 0o600);
    const tls = `${token}, tls = { certificate = "${certificate}", key = { file = "${key}" } }`;
    assert.equal(await reload(a, site(tls)), "applied");
    await untilListening(lab, a);
    assert.equal(await code(host, "GET", metrics.replace("http:", "https:"), bearer), 200);

    // Somebody else has the port: halb runs on, says so, and listens when it is free.
    const other = host.spawn([PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "9651"]);
    const there = "http://127.0.0.1:9651";
    await lab.until(
      "the other listens",
      async () => await code(host, "POST", there) === 501,
      10_000,
    );
    assert.equal(await reload(a, site('listen = "127.0.0.1:9651"')), "applied");
    await lab.until("it says so", async () => {
      return /in use/.test((await statusOf(a)).http?.trouble ?? "") &&
        /Cannot listen on 127\.0\.0\.1:9651: .*in use/.test(a.log());
    }, 10_000);
    assert.equal((await routerOf(a, "web")).state, "master");
    await other.stop();
    await untilListening(lab, a);
    assert.equal(await code(host, "GET", `${there}/healthz`), 200);

    // Off again.
    assert.equal(await reload(a, webSite("100ms")), "applied");
    assert.equal((await statusOf(a)).http, null);
    await lab.until("nobody listens", async () => {
      return (await host.tryExec([PYTHON, CLIENT, "code", "GET", there])).code !== 0;
    }, 5000);
  },
);

lab("200 slow clients and a flood of requests delay no advert", async (lab) => {
  const { a, b, hosts: [host], capture } = await startPair(lab, site('listen = "127.0.0.1:9650"'));
  await untilListening(lab, a);
  const { transitions } = await routerOf(b, "web");
  const argv = [PYTHON, CLIENT, "flood", "127.0.0.1", "9650", "200", "3"];
  const answered = Number(await host.exec(argv));
  assert.ok(answered > 10, `${answered} requests were answered beside the slow ones`);
  assert.equal((await routerOf(b, "web")).transitions, transitions, "nobody was missed");
  assert.deepEqual(takeovers(await adverts(capture)), []);
  // Who was slow is gone some time later, and nothing is left of it.
  await lab.until("all connections have ended", async () => {
    const open = await host.exec(["ss", "-tnH", "state", "established", "sport", "=", ":9650"]);
    return open.trim() === "";
  }, 30_000);
  console.log(`${answered} requests in 3 s beside 200 slow clients`);
});
