/** Mails about changes, to a real server: STARTTLS and TLS with a login, certificates, retries. */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { untilLogged } from "./agent_helpers.ts";

const SERVER = `
import ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
directory = sys.argv[1]
class Handler:
    async def handle_DATA(self, server, session, envelope):
        with open(directory + "/mails", "a") as out:
            out.write(f"ENVELOPE {envelope.mail_from} {envelope.rcpt_tos} tls={session.ssl is not None or server.transport.get_extra_info('sslcontext') is not None} login={session.authenticated}\\n")
            out.write(envelope.content.decode() + "END\\n")
        return "250 OK"
def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"halb" and data.password == b"sesame")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
how = dict(hostname="192.0.2.1", authenticator=authenticate, auth_required=True)
controllers = [
    Controller(Handler(), port=2587, tls_context=context, require_starttls=True, **how),
    Controller(Handler(), port=2465, ssl_context=context, auth_require_tls=False, **how),
]
for one in controllers:
    # The end looks for the server at its port, which a namespace of its own has.
    one.start()
print("ready", flush=True)
time.sleep(3600)
`;

/** Makes an authority, and a certificate of it for the server. */
async function certificates(host: Host, directory: string): Promise<void> {
  const file = (name: string) => `${directory}/${name}`;
  Deno.writeTextFileSync(
    file("extensions"),
    "subjectAltName=IP:192.0.2.1\nbasicConstraints=CA:FALSE\n",
  );
  const key = ["-newkey", "rsa:2048", "-nodes"];
  await host.exec(
    ["openssl", "req", "-x509", ...key, "-subj", "/CN=authority", "-days", "2"].concat([
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.pem"),
    ]),
  );
  await host.exec(
    ["openssl", "req", ...key, "-subj", "/CN=mail", "-keyout", file("key.pem")].concat([
      "-out",
      file("request"),
    ]),
  );
  await host.exec(
    ["openssl", "x509", "-req", "-in", file("request"), "-CA", file("ca.pem"), "-days", "2"].concat(
      ["-CAkey", file("ca.key"), "-CAcreateserial", "-extfile", file("extensions")],
      ["-out", file("cert.pem")],
    ),
  );
}

function startServer(host: Host, directory: string) {
  Deno.writeTextFileSync(`${directory}/server.py`, SERVER);
  const argv = ["/usr/bin/python3", "-W", "ignore", `${directory}/server.py`, directory];
  return host.spawn(argv, { name: "mail-server" });
}

/** Mails that have come: envelope, subject, lines of text. */
function mailsIn(directory: string) {
  let text = "";
  try {
    text = Deno.readTextFileSync(`${directory}/mails`);
  } catch {
    // None has come.
  }
  return text.split("END\n").filter(Boolean).map((mail) => {
    const lines = mail.replaceAll("\r\n", "\n").split("\n");
    const empty = lines.indexOf("");
    const header = (name: string) =>
      lines.slice(0, empty).find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    // Quoted-printable folds long lines.
    const body = lines.slice(empty + 1).join("\n").replaceAll("=\n", "").replaceAll("=3D", "=");
    return { envelope: lines[0]!, subject: header("Subject")!, header, body };
  });
}

async function setting(lab: Lab): Promise<{ host: Host; directory: string }> {
  const [host, other] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [host, other]);
  const directory = `${lab.directory}/mail`;
  Deno.mkdirSync(directory, { mode: 0o700 });
  await certificates(host, directory);
  Deno.writeTextFileSync(`${directory}/password`, "sesame\n", { mode: 0o600 });
  return { host, directory };
}

function site(directory: string, keys: string): string {
  return `[mail]
to = ["noc@example.net", "boss@example.net"]
from = "halb@example.net"
${keys}
login = { user = "halb", password = { file = "${directory}/password" } }
collect = "5s"

[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
advertisement_interval = "500ms"
addresses = ["192.0.2.10/24"]
notify.mail = true
`;
}

for (const [tls, port] of [["starttls", 2587], ["tls", 2465]] as const) {
  lab(
    `mail: ${tls} and a login; changes within a few seconds come in one mail, the stop in another`,
    async (lab) => {
      const { host, directory } = await setting(lab);
      const server = startServer(host, directory);
      await lab.until("the server is ready", () => server.log().includes("ready"), 30_000);
      const keys = `server = "192.0.2.1:${port}"\ntls = "${tls}"\nca = "${directory}/ca.pem"`;
      const agent = startHalb(lab, host, site(directory, keys));
      await agent.untilState("web", "master");
      await lab.until("a mail has come", () => mailsIn(directory).length === 1, 30_000);
      const [first] = mailsIn(directory);
      assert.equal(
        first!.envelope,
        "ENVELOPE halb@example.net ['noc@example.net', 'boss@example.net'] tls=True login=True",
      );
      assert.match(first!.subject, /^\[halb a\] [23] changes, the last: web is MASTER$/);
      assert.equal(first!.header("From"), "halb@example.net");
      assert.equal(first!.header("Auto-Submitted"), "auto-generated");
      assert.match(
        first!.body,
        /virtual router web: (?:-|FAULT) -> BACKUP, priority 100 \(healthy\)\n\S+Z {2}virtual router web: BACKUP -> MASTER, priority 100 \(no advert/,
      );
      assert.equal((await agent.stop()).code, 0);
      const mails = mailsIn(directory);
      assert.equal(mails.length, 2, agent.log());
      assert.equal(mails[1]!.subject, "[halb a] web is STOP");
      assert.equal(agent.log().includes("sesame"), false);
    },
  );
}

lab(
  "mail: a server that is not who it should be gets nothing; one that comes late gets all",
  async (lab) => {
    const { host, directory } = await setting(lab);
    const lost = async (keys: string, words: RegExp): Promise<HalbAgent> => {
      const agent = startHalb(lab, host, site(directory, keys));
      await agent.untilState("web", "master");
      await untilLogged(lab, agent, "Cannot send mail", 1, 30_000);
      const line = agent.log().split("\n").find((one) => one.includes("Cannot send mail"))!;
      assert.match(line, words);
      return agent;
    };
    const good = `server = "192.0.2.1:2587"\nca = "${directory}/ca.pem"`;
    const patient = await lost(good, /next_attempt_s=10/);
    const server = startServer(host, directory);
    await lab.until("the server is ready", () => server.log().includes("ready"), 30_000);
    await lab.until("the mail has come", () => mailsIn(directory).length === 1, 40_000);
    assert.match(mailsIn(directory)[0]!.subject, /web is MASTER$/);
    await patient.stop();
    const before = mailsIn(directory).length;
    for (const [tls, port] of [["starttls", 2587], ["tls", 2465]] as const) {
      // The usual authorities do not know this one.
      const agent = await lost(`server = "192.0.2.1:${port}"\ntls = "${tls}"`, /reason=/);
      assert.equal((await agent.stop()).code, 0);
      assert.match(agent.log(), /Mails are lost: the agent ends/);
      assert.equal(agent.log().includes("sesame"), false);
    }
    assert.equal(mailsIn(directory).length, before);
  },
);
