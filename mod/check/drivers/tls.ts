/**
 * TLS for probes, by the runtime's library: verified unless the operator says otherwise.
 *
 * Two versions of the runtime differ in what they tell. 2.5 announces a secure connection before the
 * handshake is done, calls it authorized whatever comes of it, knows no minimum version and tells
 * no reason; nothing is received over it, though, before the library has verified the peer. So
 * nothing here trusts an announcement: that bytes came back is the proof. Where it fails, a second
 * connection that verifies nothing and says nothing looks at the certificate for the reason.
 *
 * @module
 */

import type net from "node:net";
import tls from "node:tls";
import {
  type Certificate,
  expiryWarning,
  readAlternativeNames,
  refusal,
} from "../types/certificate.ts";
import { showText } from "../../text/mod.ts";

/** How to speak TLS. */
export interface TlsSettings {
  /** Name in SNI, and that the certificate must be for. */
  readonly serverName: string;
  readonly verify: boolean;
  /** PEM; `null`: those that the system trusts. */
  readonly ca: string | null;
  /** PEM, ours; `null`: none. */
  readonly certificate: { readonly chain: string; readonly key: string } | null;
  readonly minVersion: "1.2" | "1.3";
  /** Warn when the certificate ends within so many days; `null`: never. */
  readonly expiryDays: number | null;
  /** Protocols that are offered (ALPN). */
  readonly protocols: readonly string[];
}

/** Codes of a refusal for the sake of the certificate; 2.5 has `UNKNOWN` for everything. */
const CERTIFICATE_CODES =
  /^(UNABLE_TO_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|UNKNOWN$|INVALID_|HOSTNAME_)|^$/;

/** Begins TLS over a connection. */
export function startTls(socket: net.Socket, settings: TlsSettings): tls.TLSSocket {
  const { serverName, verify, ca, certificate, protocols } = settings;
  // The types of the runtime want options that Node does not.
  const options = {
    socket,
    servername: serverName,
    rejectUnauthorized: verify,
    // What is more is seen to by who looks at the server's hello: 2.5 takes no notice.
    minVersion: "TLSv1.2",
    ...(protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {}),
    ...(ca === null ? {} : { ca: [ca] }),
    ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.key }),
  };
  return tls.connect(options as tls.ConnectionOptions);
}

/** The peer's certificate; `null`: none is known. */
export function peerCertificate(socket: tls.TLSSocket): Certificate | null {
  // 2.5 has none before the handshake is done, and throws in some states.
  try {
    const peer = socket.getPeerCertificate();
    if (typeof peer?.valid_to !== "string") return null;
    return {
      validFrom: readTime(String(peer.valid_from)),
      validTo: readTime(peer.valid_to),
      names: readAlternativeNames(peer.subjectaltname ?? ""),
    };
  } catch {
    return null;
  }
}

/** `Dec 21 09:28:16 2026 GMT`, or with `+00:00` at the end. */
function readTime(text: string): number {
  return Date.parse(text.replace(/ \+00:00$/, " GMT"));
}

/** Warnings about the certificate of a connection over which bytes have come. */
export function certificateWarnings(
  socket: tls.TLSSocket,
  { expiryDays }: TlsSettings,
  now: number,
): string[] {
  const certificate = peerCertificate(socket);
  const warning = certificate === null ? null : expiryWarning(certificate, expiryDays, now);
  return warning === null ? [] : [warning];
}

/** The reason of a failed handshake, as far as the error tells; `null`: look at the certificate. */
export function handshakeReason(error: { code?: string; message: string }): string | null {
  const code = error.code ?? "";
  if (CERTIFICATE_CODES.test(code)) return null;
  if (code === "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION") {
    return "the server speaks no version of TLS that is allowed";
  }
  return failureWords(`${code} ${error.message}`);
}

/** What the libraries of both versions say of a handshake that has failed, in one voice. */
export function failureWords(message: string): string {
  if (/ERR_SSL_WRONG_VERSION_NUMBER|corrupt message/.test(message)) {
    return "the server does not speak TLS";
  }
  if (/ECONNRESET|EPIPE|end of file|disconnected/.test(message)) {
    return "closed during the TLS handshake";
  }
  return `TLS failed: ${showText(message.trim(), 120)}`;
}

/** A certificate was refused, and nobody knows why. */
export const REFUSED = "the certificate is refused";
/** The time was up before that was seen. */
export const UNSEEN = `${REFUSED}; a second look at it did not end in time`;

/**
 * Looks at the certificate over a new connection. Who asks lets go of it.
 *
 * @param socket connected
 */
export function diagnose(
  socket: net.Socket,
  settings: TlsSettings,
  now: number,
  signal: AbortSignal,
): Promise<{ readonly reason: string; readonly secure: tls.TLSSocket }> {
  return new Promise((resolve) => {
    const secure = startTls(socket, { ...settings, verify: false });
    const decide = (otherwise: string | null) => {
      const certificate = peerCertificate(secure);
      const reason = certificate === null
        ? otherwise
        : refusal(certificate, settings.serverName, now);
      // Too early: the handshake is still under way.
      if (reason === null) return;
      clearInterval(timer);
      signal.removeEventListener("abort", giveUp);
      resolve({ reason, secure });
    };
    const giveUp = () => decide(UNSEEN);
    // 2.5 does not tell when the certificate is there.
    const timer = setInterval(() => decide(null), 5);
    signal.addEventListener("abort", giveUp);
    secure.on("error", ({ message }: Error) => decide(failureWords(message)));
    secure.on("close", () => decide(failureWords("disconnected")));
    if (signal.aborted) giveUp();
  });
}
