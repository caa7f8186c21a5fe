/**
 * BFD sessions of an agent as a lab describes them: the text of its site.toml, and what its status
 * says of them.
 *
 * @module
 */

/** One key of a session: its id on the wire and its text. */
export interface BfdKey {
  readonly id: number;
  readonly secret: string;
}

/** One `[[bfd]]`; single hop on `eth0` at 100 ms × 3 unless said otherwise. */
export interface BfdSpec {
  readonly name: string;
  readonly peer: string;
  readonly source?: string;
  /** Empty: none. */
  readonly interface?: string;
  /** Milliseconds. */
  readonly transmit?: number;
  /** Milliseconds. */
  readonly receive?: number;
  readonly multiplier?: number;
  readonly multihop?: boolean;
  readonly minimumTtl?: number;
  readonly passive?: boolean;
  readonly namespace?: string;
  readonly auth?: {
    readonly type: string;
    readonly keys: readonly BfdKey[];
    readonly construction?: string;
  };
  /** Further lines of its table. */
  readonly more?: string;
}

/** One session in a status (CONTRACT.md, section 3). */
export interface BfdRow {
  readonly name: string;
  readonly state: "admin-down" | "down" | "init" | "up";
  readonly peer: string;
  /** Why it came into this state, in words. */
  readonly reason: string;
  readonly unsolicited?: true;
  readonly diagnostic: string;
  readonly remote_diagnostic: string;
  readonly transitions: number;
  readonly local_discriminator: number;
  readonly remote_discriminator: number;
  readonly detect_multiplier: number;
  readonly transmit_interval_ms: number;
  readonly receive_interval_ms: number;
  readonly detection_time_ms: number;
  readonly remote: {
    readonly state: string;
    readonly demand: boolean;
    readonly transmit_interval_ms: number;
    readonly receive_interval_ms: number;
    readonly detect_multiplier: number;
  };
  readonly authentication?: string;
  readonly waiting_for: readonly string[];
  readonly source_port: number;
  readonly counters: {
    /** What could not be sent, by the name of the error. */
    readonly unsent: Readonly<Record<string, number>>;
    readonly packets_sent: number;
    readonly packets_received: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
}

/** The text of a site.toml with these sessions. @param more further tables */
export function bfdSite(sessions: readonly BfdSpec[], more = ""): string {
  return `${sessions.map(tableOf).join("\n")}\n${more}`;
}

function tableOf(spec: BfdSpec): string {
  const { auth, interface: on = spec.multihop === true ? "" : "eth0" } = spec;
  const text = (key: string, value: string | undefined) =>
    value === undefined || value === "" ? [] : [`${key} = ${JSON.stringify(value)}`];
  const plain = (key: string, value: number | boolean | undefined) =>
    value === undefined ? [] : [`${key} = ${value}`];
  const keys = auth?.keys.map(({ id, secret }) => `{ id = ${id}, key = "${secret}" }`).join(", ");
  const construction = auth?.construction === undefined
    ? ""
    : `, construction = "${auth.construction}"`;
  return [
    "[[bfd]]",
    ...text("name", spec.name),
    ...text("peer", spec.peer),
    ...text("source", spec.source),
    ...text("interface", on),
    ...text("namespace", spec.namespace),
    ...text("transmit_interval", `${spec.transmit ?? 100}ms`),
    ...text("receive_interval", `${spec.receive ?? 100}ms`),
    ...plain("detect_multiplier", spec.multiplier ?? 3),
    ...plain("multihop", spec.multihop),
    ...plain("min_ttl", spec.minimumTtl),
    ...plain("passive", spec.passive),
    ...(auth === undefined
      ? []
      : [`auth = { type = "${auth.type}", keys = [${keys}]${construction} }`]),
    ...(spec.more === undefined ? [] : [spec.more]),
  ].join("\n") + "\n";
}
