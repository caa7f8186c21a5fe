/**
 * Runs probes on a host of the lab: the drivers of mod/check as they are, in the host's namespace.
 * Reads a JSON list of probes from standard input, runs them, so many at once as the argument says,
 * and prints the outcomes as JSON. What JSON cannot say is written `{"$regexp": "…"}` and `{"$bytes": "…"}`.
 *
 * @module
 */

import { probeFile } from "../../mod/check/drivers/file.ts";
import { type HttpSettings, probeHttp } from "../../mod/check/drivers/http.ts";
import { probeScript, type ScriptSettings } from "../../mod/check/drivers/script.ts";
import { probeStream, type StreamTarget, withTimeout } from "../../mod/check/drivers/stream.ts";
import type { Outcome } from "../../mod/check/mod.ts";
import { agentConversation, type AgentSettings } from "../../mod/check/types/agent.ts";
import { dnsConversation, type DnsSettings } from "../../mod/check/types/dns.ts";
import type { FileSettings } from "../../mod/check/types/file.ts";
import { grpcConversation, type GrpcSettings } from "../../mod/check/types/http2_check.ts";
import { smtpConversation, type SmtpSettings } from "../../mod/check/types/smtp.ts";
import { tcpConversation, type TcpSettings } from "../../mod/check/types/tcp.ts";

/** One probe, by type. */
export type ProbeSpec =
  & { readonly timeout: number }
  & (
    | {
      readonly type: "http";
      readonly target: Omit<StreamTarget, "tls" | "secure">;
      readonly settings: HttpSettings;
    }
    | { readonly type: "tcp"; readonly target: StreamTarget; readonly settings: TcpSettings }
    | { readonly type: "smtp"; readonly target: StreamTarget; readonly settings: SmtpSettings }
    | { readonly type: "dns"; readonly target: StreamTarget; readonly settings: DnsSettings }
    | { readonly type: "grpc"; readonly target: StreamTarget; readonly settings: GrpcSettings }
    | { readonly type: "agent"; readonly target: StreamTarget; readonly settings: AgentSettings }
    | { readonly type: "script"; readonly settings: ScriptSettings }
    | { readonly type: "file"; readonly path: string; readonly settings: FileSettings }
  );

/** An outcome and how long it took, milliseconds. */
export type Probed = Outcome & { readonly took: number };

function probe(spec: ProbeSpec, signal: AbortSignal): Promise<Outcome> {
  switch (spec.type) {
    case "http":
      return probeHttp(spec.target, spec.settings, signal);
    case "tcp":
      return probeStream(spec.target, tcpConversation(spec.settings), signal);
    case "smtp": {
      const begin = () => smtpConversation(spec.settings);
      return probeStream(spec.target, begin(), signal, begin);
    }
    case "dns":
      return probeStream(spec.target, dnsConversation(spec.settings), signal);
    case "grpc":
      return probeStream(spec.target, grpcConversation(spec.settings), signal);
    case "agent":
      return probeStream(spec.target, agentConversation(spec.settings), signal);
    case "script":
      return probeScript(spec.settings, signal);
    case "file":
      return probeFile(spec.path, spec.settings);
  }
}

/** Writes what JSON cannot say. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, one) => {
    if (one instanceof RegExp) return { $regexp: one.source };
    if (one instanceof Uint8Array) return { $bytes: [...one] };
    return one;
  });
}

function fromJson(text: string): unknown {
  return JSON.parse(text, (_, one) => {
    if (typeof one?.$regexp === "string") return new RegExp(one.$regexp);
    if (Array.isArray(one?.$bytes)) return Uint8Array.from(one.$bytes);
    return one;
  });
}

if (import.meta.main) {
  const specs = fromJson(await new Response(Deno.stdin.readable).text()) as ProbeSpec[];
  const outcomes: Probed[] = [];
  const line = [...specs.entries()].values();
  const work = async () => {
    for (const [index, spec] of line) {
      const before = performance.now();
      const outcome = await withTimeout(spec.timeout, (signal) => probe(spec, signal));
      outcomes[index] = { ...outcome, took: performance.now() - before };
    }
  };
  await Promise.all(Array.from({ length: Number(Deno.args[0]) }, work));
  console.log(JSON.stringify(outcomes));
  // Whatever a broken server still holds open must not keep us.
  Deno.exit(0);
}
