/**
 * The table `[mail]`: whom halb writes to, and through which server.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, duration, flag, text, VALUE } from "./fields.ts";
import { parseIp } from "../mod/ip/mod.ts";
import { path } from "./names.ts";

/** States that somebody may want a mail about; those of BFD sessions last. */
const MAIL_STATES = [
  "master",
  "backup",
  "fault",
  "stop",
  "deleted",
  "up",
  "down",
  "admin_down",
] as const;

/** Most recipients. */
const MOST_RECIPIENTS = 64;

/** The ports of the three ways to speak SMTP (RFC 5321, RFC 6409, RFC 8314). */
const PORTS = { none: 25, starttls: 587, tls: 465 } as const;

function address(what: string) {
  return text("a mail address", {
    text: what,
    range: "NAME@DOMAIN, in ASCII",
    example: "noc@example.net",
  }, (value) => {
    // Nothing that could end the header or begin another one (RFC 5322 section 3.4.1).
    if (/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(value)) {
      return undefined;
    }
    return { message: `${VALUE} is not a mail address such as noc@example.net` };
  });
}

/** Host and port of `HOST`, `HOST:PORT`, `[IPV6]:PORT`; undefined: it is none of them. */
export function parseServer(value: string): { host: string; port?: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})))(?::([0-9]{1,5}))?$/
    .exec(value);
  if (match === null) return undefined;
  const [, ipv6, name, digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (ipv6 !== undefined && parseIp(ipv6) === undefined) return undefined;
  return { host: ipv6 ?? name ?? "", ...(port === undefined ? {} : { port }) };
}

/** `[mail]`. */
export const MAIL_SCHEMA = v.pipe(
  documented(
    v.strictObject({
      to: v.pipe(
        documented(v.array(address("A recipient.")), "a list of mail addresses", {
          text: "Whom halb writes to.",
          range: `1 to ${MOST_RECIPIENTS} addresses`,
          example: ["noc@example.net"],
        }),
        v.check(
          (list) => list.length >= 1 && list.length <= MOST_RECIPIENTS,
          `Mail needs 1 to ${MOST_RECIPIENTS} recipients`,
        ),
      ),
      from: v.exactOptional(address("The sender; without the key, halb at the agent's name.")),
      server: text("a host, or host:port", {
        text: "The server that takes the mail; without a port, the usual one of `tls`.",
        range: "HOST, HOST:PORT, [IPV6]:PORT",
        example: "mail.example.net:587",
      }, (value) => {
        if (parseServer(value) !== undefined) return undefined;
        return { message: `${VALUE} is not a host, nor a host and a port` };
      }),
      tls: v.optional(
        choice(["none", "starttls", "tls"], {
          text: "`starttls`: a connection that is encrypted before anything is said; `tls`: one " +
            "that is encrypted from the first byte; `none`: in the clear.",
          example: "starttls",
        }),
        "starttls",
      ),
      verify: v.optional(
        flag({
          text: "Refuse a server whose certificate is not valid for its name.",
          example: true,
        }),
        true,
      ),
      ca: v.exactOptional(path(4095, {
        text: "Certificates (PEM) of the authorities to trust instead of the usual ones.",
        example: "/etc/halb/mail-ca.pem",
      })),
      login: v.exactOptional(documented(
        v.strictObject({
          user: text(
            "a user name",
            { text: "The user name.", range: "not empty", example: "halb" },
            (value) => {
              return value === "" ? { message: "A login has a user name" } : undefined;
            },
          ),
          password: text(
            "a password",
            {
              text:
                'The password; better not here but in a file: `{ file = "/etc/halb/mail.key" }`.',
              range: "not empty",
              example: "change me",
            },
            (value) => value === "" ? { message: "A login has a password" } : undefined,
          ),
        }),
        "a table",
        {
          text: "Who we are, for a server that asks.",
          example: { user: "halb", password: "change me" },
        },
      )),
      helo_name: v.exactOptional(
        text("a host name", {
          text: "What we call ourselves; without the key, the host's name.",
          range: "letters, digits, dots and hyphens",
          example: "edge-a.example.net",
        }, (value) => {
          if (/^[A-Za-z0-9.-]{1,255}$/.test(value)) return undefined;
          return { message: `${VALUE} is not a host name` };
        }),
      ),
      timeout: v.optional(
        duration({ min: "1s", max: "10m" }, {
          text: "How long the server may take for each step.",
          example: "30s",
        }),
        "30s",
      ),
      collect: v.optional(
        duration({ min: "0s", max: "1h" }, {
          text: "Changes within this time of the first one come in one mail.",
          example: "10s",
        }),
        "5s",
      ),
      states: v.optional(
        documented(
          v.array(choice(MAIL_STATES, {
            text: "A state.",
            example: "master",
          })),
          "a list of states",
          {
            text: "States that are worth a mail.",
            range: MAIL_STATES.join(", "),
            example: ["master", "backup", "stop"],
          },
        ),
        [...MAIL_STATES],
      ),
    }),
    "a table",
    {
      text:
        "Whom halb writes to when a router or group with `notify.mail` changes its state, and " +
        "through which server.",
      example: {
        to: ["noc@example.net"],
        server: "mail.example.net:587",
        login: { user: "halb", password: "change me" },
      },
    },
  ),
  v.transform(({ server, ...mail }) => ({
    ...mail,
    ...{ port: PORTS[mail.tls], host: "", ...parseServer(server) },
  })),
);

/** `[mail]`, resolved: times in microseconds. */
export type MailConfig = v.InferOutput<typeof MAIL_SCHEMA>;
