/**
 * How the picture of a simulation looks, light and dark. Words keep a contrast of 4.5 to what is
 * behind them in both.
 *
 * @module
 */

/** For its `style` element. */
export const STYLE = `
svg { --ground: #ffffff; --ink: #1b1f24; --faint: #57606a; --line: #d8dee4; --lane: #f0f2f5;
  --held: #2da44e; --lease: #bf8700; --lease-ground: #f5dfa8; --away: #8c959f; --off: #d0d7de;
  --outage: #cf222e; --double: #8250df; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #30363d; --lane: #1b212a;
    --held: #3fb950; --lease: #d29922; --lease-ground: #4b3a12; --away: #6e7681; --off: #30363d;
    --outage: #f85149; --double: #a475f9; }
}
text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.address { font-size: 13px; font-weight: 600; }
.address, .outage-words, .double-words, .failure { paint-order: stroke; stroke: var(--ground);
  stroke-width: 4px; stroke-linejoin: round; }
.node { font-size: 12px; }
.note, .time { font-size: 11px; fill: var(--faint); }
.time { text-anchor: middle; }
.failure { font-size: 11px; }
.outage-words { font-size: 11px; fill: var(--outage); }
.double-words { font-size: 11px; fill: var(--double); }
.ground { fill: var(--ground); }
.lane { fill: var(--lane); }
.held { fill: var(--held); }
.lease { fill: url(#hatch); }
.lease-ground { fill: var(--lease-ground); }
.lease-line { fill: var(--lease); }
.away { fill: var(--away); }
.off { fill: var(--off); }
.stall { fill: var(--lease); }
.outage { fill: var(--outage); }
.double { fill: var(--double); }
.dot { fill: var(--ink); }
.mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; opacity: 0.7; }
.axis { stroke: var(--faint); stroke-width: 1; }
.tick { stroke: var(--line); stroke-width: 1; }
`;
