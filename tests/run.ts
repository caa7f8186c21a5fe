/**
 * Runs every test there is and counts them.
 *
 * Parts, in this order: `check` (formatted, linted, types), `build` (./halb, which the labs run),
 * `unit` (no privilege, side by side), `lab` (as root; one file after the other where milliseconds
 * are judged, else two at a time), `kernel` (in two guests that have IPVS and VRFs, scripts/guest,
 * beside labs that mostly wait), `soak` (20 s each).
 * Name parts to run those only. Each part's own output streams by; what is counted comes
 * from the JUnit files that `deno test` writes. A part that ends without a report, a lab without
 * its tools and a build that fails are failures: nothing passes by not having been run. The last
 * line is `N passed, N failed`, which CI reads. Before it stand the rules that this release owes
 * (conformance.json) and no test names.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { type Counted, missingRules, parseJUnit, summaryLine } from "./lib/junit.ts";

const ROOT = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const DENO = Deno.execPath();
const SOAK_SECONDS = "20";
/** What soaks do by chance, every run of the tests does alike; `deno task soak` goes other ways. */
const SOAK_SEED = "1";
/** Soaks that run side by side: one waits for leases, the other one is in virtual time. */
const SOAK_PAIR: readonly string[] = ["churn", "elections"];
/** A guest that takes longer has hung. */
const KERNEL_SECONDS = 1_200;
/** Guests have one processor each, and what the labs beside them need comes first. */
const GUESTS = 2;
const GUEST = ["nice", "-n", "10", "scripts/guest", "-t", String(KERNEL_SECONDS)];

/** Roughly how many seconds the longest files take in a guest; the others take OTHERS. */
const GUEST_SECONDS: Readonly<Record<string, number>> = {
  "tests/kernel/agent_test.ts": 30,
  "tests/kernel/all_together_test.ts": 20,
  "tests/kernel/announce_test.ts": 30,
  "tests/kernel/balance_checks_test.ts": 30,
  "tests/kernel/balance_failover_test.ts": 20,
  "tests/kernel/balance_keepalived_test.ts": 15,
  "tests/kernel/balance_life_test.ts": 20,
  "tests/kernel/balance_load_test.ts": 45,
  "tests/kernel/balance_matrix_test.ts": 20,
  "tests/kernel/balance_operator_test.ts": 20,
  "tests/kernel/balance_orders_test.ts": 20,
  "tests/kernel/convert_ipvs_test.ts": 75,
  "tests/kernel/convert_wild_test.ts": 55,
  "tests/kernel/examples_test.ts": 60,
  "tests/kernel/forwarding_checks_test.ts": 25,
  "tests/kernel/ipvs_bulk_test.ts": 15,
  "tests/kernel/rollback_test.ts": 20,
};
const OTHERS = 7;

/** How many of the labs of each of the two lists below run at a time. */
const LANES = 2;
/**
 * Labs that judge nothing shorter than 50 ms, wait for most of their time and leave the rest of the
 * machine alone: no flood, no kernel's lock that is held, no processor that is filled. The longest
 * come first.
 */
const PAIRED: readonly string[] = [
  "tests/lab/failover_test.ts",
  "tests/lab/keepalived_test.ts",
  "tests/lab/service_test.ts",
  "tests/lab/repair_test.ts",
  "tests/lab/election_test.ts",
  "tests/lab/authentication_test.ts",
  "tests/lab/authentication_life_test.ts",
  "tests/lab/lease_test.ts",
  "tests/lab/bfd_demand_test.ts",
  "tests/lab/groups_test.ts",
  "tests/lab/kernel_ipv6_test.ts",
  "tests/lab/bfd_vrrp_test.ts",
  "tests/lab/bfd_bird_test.ts",
  "tests/lab/bfd_unsolicited_test.ts",
  "tests/lab/agent_test.ts",
  "tests/lab/virtual_mac_test.ts",
  "tests/lab/virtual_mac_host_test.ts",
  "tests/lab/transport_test.ts",
  "tests/lab/kernel_test.ts",
  "tests/lab/events_test.ts",
  "tests/lab/notify_hand_over_test.ts",
  "tests/lab/duplicate_test.ts",
  "tests/lab/bfd_frr_test.ts",
  "tests/lab/tracker_presence_test.ts",
  "tests/lab/service_manager_test.ts",
  "tests/lab/replay_test.ts",
  "tests/lab/why_test.ts",
  "tests/lab/families_test.ts",
  "tests/lab/frr_test.ts",
  "tests/lab/accept_test.ts",
  "tests/lab/bfd_keepalived_test.ts",
];
/**
 * Labs that judge nothing shorter than a second, many of which spend minutes waiting for adverts:
 * they run beside the guests. The longest comes first.
 */
const PATIENT: readonly string[] = [
  "tests/lab/package_test.ts",
  "tests/lab/authentication_keepalived_test.ts",
  "tests/lab/capabilities_test.ts",
  "tests/lab/check_http_test.ts",
  "tests/lab/check_presets_test.ts",
  "tests/lab/check_script_test.ts",
  "tests/lab/check_services_test.ts",
  "tests/lab/checks_test.ts",
  "tests/lab/cleanup_test.ts",
  "tests/lab/completions_test.ts",
  "tests/lab/container_test.ts",
  "tests/lab/convert_back_test.ts",
  "tests/lab/convert_keepalived_test.ts",
  "tests/lab/doctor_test.ts",
  "tests/lab/examples_test.ts",
  "tests/lab/instances_test.ts",
  "tests/lab/keepalived_election_test.ts",
  "tests/lab/library_test.ts",
  "tests/lab/log_targets_test.ts",
  "tests/lab/log_test.ts",
  "tests/lab/mail_test.ts",
  "tests/lab/marks_test.ts",
  "tests/lab/no_ipvs_test.ts",
  "tests/lab/moves_test.ts",
  "tests/lab/notify_keepalived_test.ts",
  "tests/lab/notify_test.ts",
  "tests/lab/package_files_test.ts",
  "tests/lab/readme_test.ts",
  "tests/lab/reload_confirm_test.ts",
  "tests/lab/simulate_picture_test.ts",
  "tests/lab/snmp_test.ts",
  "tests/lab/started_test.ts",
  "tests/lab/tracker_process_test.ts",
  "tests/lab/watch_test.ts",
];

const PARTS = ["check", "build", "unit", "lab", "kernel", "soak"] as const;
type Part = typeof PARTS[number];

const results: Counted[] = [];

function record(part: string, name: string, outcome: Counted["outcome"]): void {
  results.push({ part, name, outcome });
}

/** Runs a program in the repository. `apart`: its output comes in one piece, at its end. */
async function run(argv: readonly string[], apart = false): Promise<number> {
  const [program, ...args] = argv;
  const options = { args, cwd: ROOT, stdin: "null" } as const;
  if (!apart) return (await new Deno.Command(program!, options).spawn().status).code;
  const piped = { ...options, stdout: "piped", stderr: "piped" } as const;
  const { code, stdout, stderr } = await new Deno.Command(program!, piped).output();
  const text = new TextDecoder();
  console.log(text.decode(stdout) + text.decode(stderr));
  return code;
}

function heading(text: string): void {
  console.log(`\n==== ${text}`);
}

/** Counts a command as one test. `beside`: others run meanwhile. */
async function runAsTest(
  part: Part,
  name: string,
  argv: readonly string[],
  beside = false,
): Promise<void> {
  record(part, name, await run(argv, beside) === 0 ? "passed" : "failed");
}

/** The files that hold tests under a folder, in name order. */
function testFiles(folder: string): string[] {
  const files: string[] = [];
  for (const entry of Deno.readDirSync(`${ROOT}/${folder}`)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...testFiles(path));
    else if (entry.name.endsWith("_test.ts")) files.push(path);
  }
  return files.sort();
}

/** `deno test` of files, which leaves its report at a path. The part `check` has looked at the types. */
function testCommand(
  report: string,
  paths: readonly string[],
  options: readonly string[] = [],
): string[] {
  const junit = `--junit-path=${report}`;
  return [DENO, "test", "-A", "--no-check", "--frozen", junit, ...options, ...paths];
}

/** What somebody should have left at a path; empty: nothing. */
function leftAt(path: string): string {
  return existsSync(path) ? Deno.readTextFileSync(path) : "";
}

/** Counts what a report says. @param code of the command that should have left it */
function countReport(part: Part, name: string, report: string, code: number): void {
  const text = leftAt(report);
  const counted = text === "" ? [] : parseJUnit(text, part);
  results.push(...counted);
  if (counted.length === 0) record(part, `${name}: ended without reporting a test`, "failed");
  else if (code !== 0 && !counted.some(({ outcome }) => outcome === "failed")) {
    record(part, `${name}: ended with exit code ${code} although its tests passed`, "failed");
  }
}

/** What `work` does in a folder that is there for it alone. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "halb-junit-" });
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Runs `deno test` and counts what it reports. @param beside others run meanwhile */
function runTests(
  part: Part,
  paths: readonly string[],
  options: readonly string[],
  beside = false,
): Promise<void> {
  return inFolder(async (folder) => {
    const report = `${folder}/report.xml`;
    const code = await run(testCommand(report, paths, options), beside);
    countReport(part, paths.length === 1 ? paths[0]! : `${part} tests`, report, code);
  });
}

/**
 * Runs files in a guest, others beside it. Each has a process of its own: one that has run many tests
 * is large, and a guest's kernel stands still for as long as it takes to fork.
 */
function runInGuest(files: readonly string[], index: number): Promise<void> {
  return inFolder(async (folder) => {
    const lines = files.map((file, i) =>
      `${testCommand(`${folder}/${i}.xml`, [file]).join(" ")}; echo $? >${folder}/${i}.code`
    );
    const code = await run([...GUEST, "-c", String(index), "bash", "-c", lines.join("\n")], true);
    if (code !== 0) record("kernel", `a guest ended with exit code ${code}`, "failed");
    files.forEach((file, i) => {
      countReport(
        "kernel",
        file,
        `${folder}/${i}.xml`,
        Number(leftAt(`${folder}/${i}.code`) || 125),
      );
    });
  });
}

/** One process for each file: what one of them leaves in its process, no other one sees. */
async function runLabs(wanted: (file: string) => boolean): Promise<void> {
  const files = testFiles("tests/lab").filter(wanted);
  for (const file of files.filter((one) => !PAIRED.includes(one))) {
    await runTests("lab", [file], []);
  }
  await runInLanes(PAIRED.filter((one) => files.includes(one)));
}

/** As `runLabs`, some at a time. */
async function runInLanes(labs: readonly string[]): Promise<void> {
  const files = [...labs];
  const lane = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      await runTests("lab", [file], [], true);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Files for each guest, so that all take about as long. */
function sharesOf(files: readonly string[]): string[][] {
  const shares = Array.from({ length: GUESTS }, () => ({ files: [] as string[], seconds: 0 }));
  const secondsOf = (file: string) => GUEST_SECONDS[file] ?? OTHERS;
  for (const file of files.toSorted((a, b) => secondsOf(b) - secondsOf(a))) {
    const least = shares.reduce((best, share) => share.seconds < best.seconds ? share : best);
    least.files.push(file);
    least.seconds += secondsOf(file);
  }
  return shares.map((share) => share.files.sort());
}

async function runSoaks(): Promise<void> {
  const seeded = ["env", `HALB_SEED=${SOAK_SEED}`];
  const program = [...seeded, DENO, "run", "-A", "--no-check", "tests/soak/mod.ts"];
  const [command, ...args] = [...program, "--list"];
  const listed = await new Deno.Command(command!, { args, cwd: ROOT, stderr: "inherit" }).output();
  const names = new TextDecoder().decode(listed.stdout).split("\n").filter((name) => name !== "");
  if (!listed.success || names.length === 0) {
    record("soak", "tests/soak/mod.ts --list names no soak", "failed");
  }
  const soak = (name: string, beside: boolean) =>
    runAsTest("soak", `soak ${name}`, [...program, "--seconds", SOAK_SECONDS, name], beside);
  for (const name of names) if (!SOAK_PAIR.includes(name)) await soak(name, false);
  await Promise.all(SOAK_PAIR.filter((name) => names.includes(name)).map((one) => soak(one, true)));
}

const RUNNERS: Readonly<Record<Part, () => Promise<void>>> = {
  check: async () => {
    const folders = ["main.ts", "mod/", "ffi/", "config/", "tests/", "scripts/"];
    await runAsTest("check", "the code is formatted", [DENO, "fmt", "--check"]);
    await runAsTest("check", "the code is linted", [DENO, "lint"]);
    await runAsTest("check", "the types are right", [DENO, "check", "-q", ...folders]);
  },
  build: () => runAsTest("build", "./halb is built", ["scripts/build"]),
  unit: () => runTests("unit", testFiles("tests/unit"), ["--parallel"]),
  lab: () => runLabs((file) => !parts.includes("kernel") || !PATIENT.includes(file)),
  kernel: async () => {
    const shares = sharesOf(testFiles("tests/kernel"));
    await Promise.all([
      ...shares.map(runInGuest),
      ...(parts.includes("lab") ? [runInLanes(PATIENT)] : []),
    ]);
  },
  soak: runSoaks,
};

function chosenParts(words: readonly string[]): Part[] {
  const unknown = words.filter((word) => !PARTS.some((part) => part === word));
  if (unknown.length > 0) {
    console.error(`Unknown part: ${unknown.join(", ")} (there are: ${PARTS.join(", ")})`);
    Deno.exit(2);
  }
  const wanted = words.length === 0 ? PARTS : words;
  // They run the binary.
  const needsBuild = (["lab", "kernel", "soak"] as const).some((part) => wanted.includes(part));
  return PARTS.filter((part) => wanted.includes(part) || (part === "build" && needsBuild));
}

const parts = chosenParts(Deno.args);
for (const part of parts) {
  heading(part);
  try {
    await RUNNERS[part]();
  } catch (error) {
    console.error(error);
    record(
      part,
      `the part ended early: ${error instanceof Error ? error.message : error}`,
      "failed",
    );
  }
}

heading("summary");
for (const { part, name, outcome } of results) {
  if (outcome !== "passed") console.log(`${outcome}: ${part}: ${name}`);
}
if (parts.includes("unit") && parts.includes("lab")) {
  const text = Deno.readTextFileSync(`${ROOT}/tests/conformance.json`);
  const { _open: open, ...rules } = JSON.parse(text);
  const missing = missingRules(rules, results.map(({ name }) => name));
  const total = Object.keys(rules).length;
  console.log(`Conformance: ${total - missing.length} of ${total} rules have a test`);
  for (const [id, rule] of missing) console.log(`without a test: [${id}] ${rule}`);
  for (const [id, reason] of Object.entries(open)) console.log(`not owed: [${id}] ${reason}`);
}
console.log(summaryLine(results));
Deno.exit(results.length > 0 && results.every(({ outcome }) => outcome !== "failed") ? 0 : 1);
