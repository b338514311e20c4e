import { palette } from '../figures/arm-style.js';

const lightColors = palette.map(({ name, light }) => `--c-${name}: ${light};`).join(' ');
const darkColors = palette.map(({ name, dark }) => `--c-${name}: ${dark};`).join(' ');

const light = `--paper: #ffffff; --panel: #f6f6f4; --ink: #1a1a1a; --soft: #595959; --line: #dcdcd8; --link: #0b5c97; --glow: 213, 94, 0; ${lightColors}`;
const dark = `--paper: #15171a; --panel: #1e2125; --ink: #e9e9e6; --soft: #a9adb3; --line: #363b41; --link: #79bdf2; --glow: 255, 139, 69; ${darkColors}`;

/** The report's style sheet: light and dark by the reader's setting, always light on paper. */
export const styles = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem .8rem; }
.page { display: grid; grid-template-columns: minmax(0, 1fr); max-width: 1280px; margin: 0 auto; padding: 0 1.5rem 4rem; gap: 0 3rem; }
@media (min-width: 1100px) { .page { grid-template-columns: 210px minmax(0, 1fr); } .page > header { grid-column: 2; } }
header { padding: 3rem 0 1rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 3.2rem 0 .8rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .3rem; }
p { max-width: 72ch; margin: .6rem 0; }
.summary { font-size: 1.1rem; color: var(--soft); }
.byline { color: var(--soft); font-size: .875rem; }
.lead { font-size: 1.05rem; max-width: 78ch; }
.note { font-size: .875rem; color: var(--soft); }
nav { font-size: .875rem; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .28rem 0; color: var(--soft); text-decoration: none; line-height: 1.3; }
nav a:hover { color: var(--link); text-decoration: underline; }
@media (min-width: 1100px) { nav { grid-row: 1 / span 2; grid-column: 1; } nav > div { position: sticky; top: 0; padding-top: 3.3rem; max-height: 100vh; overflow-y: auto; } }
@media (max-width: 1099px) { nav ol { columns: 2; column-gap: 2rem; border: solid var(--line); border-width: 1px 0; padding: .6rem 0; } }
dl.facts { display: grid; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr); gap: .35rem 1.5rem; margin: .8rem 0 2rem; font-size: .9375rem; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.6rem 0 2.4rem; }
figure svg { display: block; width: 100%; max-width: 860px; height: auto; }
figcaption, caption { font-size: .875rem; color: var(--soft); text-align: left; max-width: 88ch; }
figcaption strong, caption strong { display: block; color: var(--ink); font-size: 1rem; }
figcaption { margin-bottom: .7rem; }
.save { font-size: .8125rem; white-space: nowrap; }
.table { overflow-x: auto; margin: 1.6rem 0 2.4rem; }
.table.long { max-height: 36rem; overflow: auto; border-bottom: 1px solid var(--line); }
.table.long thead th { position: sticky; top: 0; background: var(--paper); }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .6rem; }
.cap { position: sticky; left: 0; max-width: min(88ch, calc(100vw - 3rem)); }
th, td { padding: .38rem .9rem .38rem 0; text-align: left; vertical-align: baseline; }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 2px solid var(--ink); min-width: 3.6rem; line-height: 1.2; }
tbody th { font-weight: 500; white-space: nowrap; }
[aria-labelledby="t-verdict"] tbody th { white-space: normal; }
tbody tr { border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; }
td.n { white-space: nowrap; }
td small { display: block; color: var(--soft); font-size: .75rem; }
td.t { min-width: 7rem; max-width: 34rem; }
.arm { display: inline-block; width: .72em; height: .72em; margin-right: .45em; border-radius: 50%; background: var(--arm); }
.arm.square, .arm.diamond { border-radius: 0; }
.arm.diamond { transform: rotate(45deg) scale(.85); }
.arm.triangle { border-radius: 0; clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.board { border-spacing: 0; margin: 1.4rem 0 2rem; width: 100%; max-width: 860px; }
.board td { padding: .6rem .8rem; border-left: 1px solid var(--line); width: 25%; }
.board td strong { display: block; font-weight: 600; }
.board .band { padding-top: 1rem; font-weight: 600; }
.board .none strong, .board .untested strong { font-weight: 400; color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); gap: 1rem; margin: 1.2rem 0 2rem; padding: 0; list-style: none; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.1rem; font-size: .9rem; break-inside: avoid; min-width: 0; }
.card h3 { font-size: 1rem; line-height: 1.3; }
.card .meta { color: var(--soft); font-size: .8125rem; margin: .1rem 0 .5rem; }
.card ul { list-style: none; margin: .5rem 0; padding: 0; }
.card li.context { padding: .35rem 0; border-top: 1px solid var(--line); line-height: 1.65; overflow-wrap: anywhere; }
.card li.context small { color: var(--soft); }
.card details { margin-top: .3rem; }
.card summary { cursor: pointer; color: var(--link); font-size: .8125rem; }
mark { color: inherit; background: rgba(var(--glow), calc(var(--a) * .55)); border-radius: 2px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
mark.peak { text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: 3px; font-weight: 600; }
.tokens code { background: var(--paper); border: 1px solid var(--line); border-radius: 3px; padding: 0 .3em; white-space: pre; font-size: .8125rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .8125rem; }
@media print {
  :root { ${light} color-scheme: light; }
  @page { size: A4; margin: 15mm 13mm; }
  body { font-size: 10pt; }
  .page { display: block; max-width: none; padding: 0; }
  nav, .skip, .save { display: none; }
  header { padding-top: 0; }
  h2 { break-after: avoid; margin-top: 1.6rem; }
  figure, tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .table, .table.long { overflow: visible; max-height: none; border: 0; }
  table { font-size: 7.5pt; max-width: 100%; }
  figcaption, caption, dl.facts { font-size: 8.5pt; }
  th, td { padding-right: .5em; }
  thead th { min-width: 0; }
  td.n { white-space: normal; }
  td small { font-size: 6pt; }
  .arm { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .cards { grid-template-columns: 1fr 1fr; }
  a { color: inherit; text-decoration: none; }
}
`;
