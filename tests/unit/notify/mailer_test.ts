/** Mails in virtual time: collected, tried again, given up, never with a secret in the log. */

import assert from "node:assert/strict";
import type { MailConfig } from "../../../config/mod.ts";
import { Mailer } from "../../../mod/notify/mailer.ts";
import { mailText } from "../../../mod/notify/mail_text.ts";
import { Clock, notice } from "./fixtures.ts";

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

const CONFIG: MailConfig = {
  to: ["noc@example.net"],
  host: "mail.example.net",
  port: 587,
  tls: "starttls",
  verify: true,
  timeout: 30_000_000,
  collect: 5_000_000,
  states: ["master", "backup"],
  login: { user: "halb", password: "sesame" },
};

/** A mailer whose server does what the test says. */
function setting() {
  const sent: { from: string; subject: string; lines: number }[] = [];
  const logs: string[] = [];
  const server = { refuses: "", attempts: 0 };
  const mailer = new Mailer(CONFIG, {
    agent: "edge a",
    send: (_config, from, { subject, text }) => {
      server.attempts++;
      if (server.refuses !== "") return Promise.reject(new Error(server.refuses));
      sent.push({
        from,
        subject,
        lines: text.split("\n").filter((one) => one.includes("->")).length,
      });
      return Promise.resolve();
    },
    log: (level, message, more) => logs.push(`${level}: ${message} ${JSON.stringify(more ?? {})}`),
  });
  return { mailer, server, sent, logs };
}

Deno.test("changes within the time of `collect` come in one mail, later ones in another", async () => {
  using clock = new Clock();
  const { mailer, sent } = setting();
  for (const state of ["BACKUP", "MASTER"] as const) mailer.push(notice({ state }));
  await clock.pass(4 * SECOND);
  mailer.push(notice({ state: "FAULT" }));
  assert.deepEqual([sent, mailer.status.waiting], [[], 1]);
  await clock.pass(2 * SECOND);
  mailer.push(notice({ state: "MASTER" }));
  await clock.pass(6 * SECOND);
  assert.deepEqual(sent, [
    { from: "halb@edge-a", subject: "[halb edge a] 3 changes, the last: web is FAULT", lines: 3 },
    { from: "halb@edge-a", subject: "[halb edge a] web is MASTER", lines: 1 },
  ]);
  assert.deepEqual(mailer.status, { sent: 2, failures: 0, lost: 0, waiting: 0 });
});

Deno.test("a server that is away is tried again, ever less often; all come in order", async () => {
  using clock = new Clock();
  const { mailer, server, sent, logs } = setting();
  server.refuses = "535 no such login: halb sesame\u001b[2J";
  mailer.push(notice());
  const attempts: number[] = [];
  for (const wait of [5, 10, 30, 60, 300, 900, 900]) {
    await clock.pass(wait * SECOND - 1);
    attempts.push(server.attempts);
    await clock.pass(1);
  }
  assert.deepEqual([...attempts, server.attempts], [0, 1, 2, 3, 4, 5, 6, 7]);
  mailer.push(notice({ state: "FAULT" }));
  await clock.pass(5 * SECOND);
  assert.equal(server.attempts, 7, "a new mail does not hurry");
  server.refuses = "";
  await clock.pass(900 * SECOND);
  assert.deepEqual(sent.map(({ subject }) => subject), [
    "[halb edge a] web is MASTER",
    "[halb edge a] web is FAULT",
  ]);
  assert.equal(logs.join().includes("sesame"), false, "the password is not shown");
  assert.equal(logs.join().includes("\u001b"), false);
  assert.match(
    logs[0]!,
    /warning: Cannot send mail .*no such login: halb \*\*\*.*"next_attempt_s":10/,
  );
});

Deno.test("a day later a mail is old news; of too many the oldest go; both are counted", async () => {
  using clock = new Clock();
  const { mailer, server, sent } = setting();
  server.refuses = "no route";
  mailer.push(notice());
  await clock.pass(DAY + 1000 * SECOND);
  assert.deepEqual([mailer.status.lost, mailer.status.waiting], [1, 0]);
  for (let i = 0; i < 103; i++) {
    mailer.push(notice({ priority: i }));
    await clock.pass(5 * SECOND);
  }
  assert.deepEqual([mailer.status.lost, mailer.status.waiting], [4, 100]);
  server.refuses = "";
  await clock.pass(1000 * SECOND);
  assert.deepEqual([sent.length, mailer.status.waiting], [100, 0]);
});

Deno.test("the end sends what was collected, and waits no longer than it is told", async () => {
  using clock = new Clock();
  const { mailer, sent } = setting();
  mailer.push(notice({ state: "STOP" }));
  await mailer.close(5 * SECOND);
  assert.equal(sent.length, 1);

  const hanging = new Mailer(CONFIG, {
    agent: "a",
    send: () => new Promise(() => {}),
    log: () => {},
  });
  hanging.push(notice());
  let ended = false;
  void hanging.close(5 * SECOND).then(() => ended = true);
  await clock.pass(4 * SECOND);
  assert.equal(ended, false);
  await clock.pass(2 * SECOND);
  assert.equal(ended, true);
});

Deno.test("a mail says what happened, escaped, and how much it leaves out", () => {
  const group = notice({
    type: "GROUP",
    name: "site",
    previous: null,
    state: "BACKUP",
    cause: "x\ny",
  });
  const { subject, text } = mailText("a", [group, notice()]);
  assert.equal(subject, "[halb a] 2 changes, the last: web is MASTER");
  assert.deepEqual(text.split("\n"), [
    "On a:",
    "",
    "2026-01-01T00:00:00.000Z  sync group site: - -> BACKUP (x\\ny)",
    "2026-01-01T00:00:00.000Z  virtual router web: BACKUP -> MASTER, priority 150 (no advert in time)",
    "",
  ]);
  const many = mailText("a", Array.from({ length: 502 }, () => notice())).text.split("\n");
  assert.equal(many[2], "2 earlier changes are left out.");
  assert.equal(many.length, 504);
});
