/**
 * `tls` of a health check.
 *
 * @module
 */

import * as v from "valibot";
import { line } from "./check_fields.ts";
import { choice, documented, duration, flag } from "./fields.ts";
import { path } from "./names.ts";
import { secret } from "./secret_fields.ts";
import { Secret } from "../mod/secret/mod.ts";

/** `tls` of a check. */
export const CHECK_TLS_TABLE = documented(
  v.strictObject({
    server_name: v.exactOptional(line("a host name", {
      text: "The name that is asked for (SNI), and that the certificate must be for; without the " +
        "key, that of `host`, else the address.",
      example: "www.example.net",
    })),
    verify: v.optional(
      flag({
        text: "Fail where the certificate is not valid for the name, or not by an authority that " +
          "is trusted. keepalived never looks.",
        example: false,
      }),
      true,
    ),
    ca: v.exactOptional(path(4095, {
      text: "Certificates (PEM) of the authorities to trust instead of the usual ones.",
      example: "/etc/halb/backend-ca.pem",
    })),
    certificate: v.exactOptional(path(4095, {
      text: "Our own certificate (PEM, with its chain), for servers that ask for one.",
      example: "/etc/halb/client.pem",
    })),
    key: v.exactOptional(secret(
      "text, in quotes",
      {
        text: "The key (PEM) of `certificate`: " +
          '`{ file = "/etc/halb/client.key" }`, in a file ' +
          "that others cannot read.",
        range: "the text of a PEM file",
        example: "-----BEGIN PRIVATE KEY-----",
      },
      (value) =>
        value.includes("-----BEGIN ")
          ? Secret.ofText(value)
          : { message: 'Invalid `tls.key`: write `{ file = "PATH" }` with the path of a PEM file' },
    )),
    min_version: v.optional(
      choice(["1.2", "1.3"], {
        text: "The lowest version that is right; lower than 1.2 halb never speaks.",
        example: "1.3",
      }),
      "1.2",
    ),
    expiry_warning: v.optional(
      duration({ min: "0s", max: "3650d", step: "1d" }, {
        text: "Warn where the certificate ends within this time; 0: never. The check passes.",
        example: "14d",
      }),
      "14d",
    ),
  }),
  "a table",
  {
    text: "Speak TLS from the start, version 1.2 or 1.3. `tls = {}` has the defaults.",
    example: { server_name: "www.example.net", ca: "/etc/halb/backend-ca.pem" },
  },
);
