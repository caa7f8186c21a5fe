/**
 * Sends one mail, by nodemailer, which is loaded when the first one is to be sent.
 *
 * @module
 */

import net from "node:net";
import tls from "node:tls";
import type { MailConfig } from "../../config/mod.ts";
import type { MailText } from "./mail_text.ts";

/** The part of nodemailer that is used; the package has no types of its own. */
interface Nodemailer {
  createTransport(options: Record<string, unknown>): {
    sendMail(mail: Record<string, unknown>): Promise<{ response: string }>;
  };
}

type GetSocket = (
  options: unknown,
  callback: (error: Error | null, opened?: { connection: net.Socket; secured: boolean }) => void,
) => void;

/**
 * A connection that is encrypted from the first byte. nodemailer's own never comes about in Deno 2.5,
 * which knows TLS over a connection that exists already only.
 */
function encrypted({ host, port, timeout }: MailConfig, options: tls.ConnectionOptions): GetSocket {
  return (_options, callback) => {
    const socket = net.connect({ host, port });
    let secure: net.Socket = socket;
    let over = false;
    const timer = setTimeout(
      () => end(new Error("no encrypted connection in time")),
      timeout / 1e3,
    );
    const end = (error: Error | null) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      for (const one of [socket, secure]) one.off("error", end);
      if (error === null) return callback(null, { connection: secure, secured: true });
      for (const one of [socket, secure]) one.on("error", () => {}).destroy();
      callback(error);
    };
    socket.on("error", end);
    socket.once("connect", () => {
      // Without a name Deno takes the certificate for that of "localhost".
      secure = tls.connect({ ...options, servername: host, socket });
      secure.on("error", end);
      secure.once("secureConnect", () => end(null));
    });
  };
}

/**
 * Sends a mail to all recipients.
 *
 * @throws {Error} where the server cannot be reached, is not who it should be, or refuses
 */
export async function sendMail(config: MailConfig, from: string, mail: MailText): Promise<void> {
  const { host, port, login, verify, ca, helo_name, to } = config;
  const timeout = config.timeout / 1000;
  const loaded: { default: Nodemailer } = await import("nodemailer");
  const tlsOptions = {
    rejectUnauthorized: verify,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca: [Deno.readTextFileSync(ca)] }),
  };
  const ways = {
    none: { ignoreTLS: true },
    starttls: { requireTLS: true, tls: tlsOptions },
    tls: { secure: true, getSocket: encrypted(config, tlsOptions as tls.ConnectionOptions) },
  };
  const transport = loaded.default.createTransport({
    host,
    port,
    ...ways[config.tls],
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    ...(helo_name === undefined ? {} : { name: helo_name }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  await transport.sendMail({
    from,
    to: [...to],
    subject: mail.subject,
    text: mail.text,
    // No vacation notice shall answer (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
  });
}
