import assert from "node:assert/strict";
import {
  bindSymbols,
  effectiveCapabilities,
  getAffinity,
  getrlimit,
  getScheduler,
  hasCapability,
  inNamespace,
  killProcess,
  processId,
  RLIMIT_CORE,
  RLIMIT_NOFILE,
  setAffinity,
  setrlimit,
  setScheduler,
  threadId,
  umask,
  verifyLayouts,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** A field of /proc/…/status. */
function status(path: string, field: string): string {
  const text = Deno.readTextFileSync(path);
  return new RegExp(`^${field}:\\s+(.*)$`, "m").exec(text)?.[1] ?? "";
}

Deno.test("every structure fits the running kernel", () => {
  assert.deepEqual(verifyLayouts(), []);
});

Deno.test("ids: this process and this thread", () => {
  assert.equal(processId, Deno.pid);
  assert.equal(status(`/proc/self/task/${threadId()}/status`, "Pid"), String(threadId()));
});

Deno.test("umask returns the former mask", () => {
  const former = umask(0o177);
  assert.equal(umask(former), 0o177);
  assert.equal(umask(former), former);
});

Deno.test("limits are read as the kernel shows them and set", () => {
  const text = Deno.readTextFileSync("/proc/self/limits");
  const [, soft = "", hard = ""] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
  const number = (word: string): number => word === "unlimited" ? Infinity : Number(word);
  assert.deepEqual(getrlimit(RLIMIT_NOFILE), { soft: number(soft), hard: number(hard) });
  const before = getrlimit(RLIMIT_CORE);
  setrlimit(RLIMIT_CORE, 0);
  assert.deepEqual(getrlimit(RLIMIT_CORE), { soft: 0, hard: before.hard });
  setrlimit(RLIMIT_CORE, before.soft, before.hard);
  assert.deepEqual(getrlimit(RLIMIT_CORE), before);
});

Deno.test("scheduler and processors are those of the thread", () => {
  assert.deepEqual(getScheduler(), { policy: "other", priority: 0, resetOnFork: false });
  assert.throws(() => setScheduler("fifo", 100), {
    message: "sched_setscheduler fifo 100: Invalid argument (EINVAL)",
  });
  const before = getAffinity();
  const [first = 0] = before;
  try {
    setAffinity([first]);
    assert.deepEqual(getAffinity(), [first]);
    const list = status(`/proc/self/task/${threadId()}/status`, "Cpus_allowed_list");
    assert.equal(list, String(first));
  } finally {
    setAffinity(before);
  }
  assert.deepEqual(getAffinity(), before);
  assert.throws(() => setAffinity([]), { code: "EINVAL" });
  assert.throws(() => setAffinity([1024]), /from 0 to 1023, not 1024/);
});

Deno.test("capabilities agree with /proc", () => {
  const mask = BigInt(`0x${status(`/proc/self/task/${threadId()}/status`, "CapEff")}`);
  const has = effectiveCapabilities();
  const bits: readonly (readonly [string, bigint])[] = [
    ["cap_chown", 0n],
    ["cap_net_admin", 12n],
    ["cap_net_raw", 13n],
    ["cap_ipc_lock", 14n],
    ["cap_sys_nice", 23n],
    ["cap_setfcap", 31n],
    ["cap_mac_override", 32n],
    ["cap_checkpoint_restore", 40n],
  ];
  for (const [name, bit] of bits) {
    assert.equal(has.has(name), (mask & (1n << bit)) !== 0n, name);
    assert.equal(hasCapability(name), has.has(name));
  }
  assert.throws(() => hasCapability("net_admin"), /Not a capability: "net_admin"/);
});

Deno.test("signals reach a child; nobody signals everybody by mistake", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  killProcess(child.pid, 0);
  killProcess(child.pid, 15);
  assert.equal((await child.status).signal, "SIGTERM");
  assert.throws(() => killProcess(child.pid, 0), { code: "ESRCH", call: "kill" });
  for (const pid of [0, -1, 1.5]) assert.throws(() => killProcess(pid, 0), RangeError);
});

Deno.test("the own namespace needs no privilege; bad names and missing ones are refused", () => {
  assert.equal(inNamespace("", () => 7), 7);
  for (const name of ["..", "a/b"]) assert.throws(() => inNamespace(name, () => 1), RangeError);
  assert.throws(() => inNamespace("halb-no-such", () => 1), { code: "ENOENT", call: "open" });
});
