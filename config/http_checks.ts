/**
 * What one key of `agent.http` says against another, and against the files it names.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import { type HttpConfig, isLocal, listenText } from "./http_schema.ts";
import { readFailure } from "./include.ts";
import { type FileSecurity, untrusted } from "./security.ts";
import { descend, keyPlace, type TreeNode, valuePlace } from "./tree.ts";

/** How files are looked at. */
export interface HttpSurroundings {
  readonly security?: FileSecurity;
  readonly readText: (path: string) => string;
}

/**
 * @param http undefined: nothing listens
 * @param control path of the control socket
 * @param node the table `agent.http`
 */
export function checkHttpServer(
  { http, control }: { readonly http?: HttpConfig; readonly control: string },
  node: TreeNode,
  surroundings: HttpSurroundings,
  report: Report,
): void {
  if (http === undefined) return;
  const { listen, token, tls } = http;
  if (tls !== undefined) checkCertificate(tls.certificate, node, surroundings, report);
  if ("path" in listen) checkSocket(listen.path, control, tls !== undefined, node, report);
  if (isLocal(listen)) return;
  if (token === undefined) {
    report({
      place: valuePlace(descend(node, ["listen"])),
      message: `Everybody who reaches ${listenText(listen)} can read the whole status`,
      advice: "add a `token`, or listen on 127.0.0.1",
      severity: "warning",
    });
  } else if (tls === undefined) {
    report({
      place: keyPlace(descend(node, ["token"])),
      message: "Without `tls` the token crosses the network in the clear",
      advice: "add `tls` with `certificate` and `key`",
      severity: "warning",
    });
  }
}

function checkSocket(
  path: string,
  control: string,
  tls: boolean,
  node: TreeNode,
  report: Report,
): void {
  // The drafts of sockets (`~`) and the lock stand beside them.
  const taken = [control, `${control}~`, `${control}.lock`];
  if (taken.includes(path) || control === `${path}~`) {
    report({
      place: valuePlace(descend(node, ["listen"])),
      message: `${path} is the place of the control socket`,
      advice: "name another path",
    });
  }
  if (tls) {
    report({
      place: keyPlace(descend(node, ["tls"])),
      message: "There is no TLS over a Unix socket",
      advice: "leave `tls` out: nobody but the agent's own user can use the socket",
    });
  }
}

function checkCertificate(
  path: string,
  node: TreeNode,
  { security, readText }: HttpSurroundings,
  report: Report,
): void {
  const place = valuePlace(descend(node, ["tls", "certificate"]));
  const reason = security === undefined ? undefined : untrusted(path, security);
  if (reason !== undefined) {
    report({
      place,
      message: `Refusing the certificate ${path}: ${reason}`,
      advice: "only root and the agent's own user may be able to write it",
    });
    return;
  }
  try {
    if (readText(path).includes("-----BEGIN CERTIFICATE-----")) return;
    report({ place, message: `There is no certificate in ${path}`, advice: "name a PEM file" });
  } catch (error) {
    report({ place, message: `Cannot read ${path}: ${readFailure(error)}` });
  }
}
