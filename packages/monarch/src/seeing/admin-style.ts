/** Style of the live page. */
export const ADMIN_STYLE = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #101216); --card: light-dark(#fff, #181b21); --line: light-dark(#e3e6ea, #2a2f38);
  --text: light-dark(#1b1f24, #e6e8ec); --mute: light-dark(#69707c, #8b93a1); --soft: light-dark(#eef1f5, #20242c);
  --good: light-dark(#1a8754, #4cc38a); --busy: light-dark(#b26b00, #f0b429); --bad: light-dark(#c62b31, #ff7b72);
  --idle: light-dark(#8a93a0, #6b7280); --mark: light-dark(#4457d6, #8c9eff);
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--back); color: var(--text); font: 14px/1.45 system-ui, sans-serif; padding: 0 24px 48px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 12px 28px; padding: 18px 0 14px; position: sticky;
  top: 0; background: var(--back); z-index: 1; border-bottom: 1px solid var(--line); margin-bottom: 18px; }
h1 { font-size: 18px; letter-spacing: .02em; display: flex; align-items: center; gap: 9px; }
#live { width: 9px; height: 9px; border-radius: 50%; background: var(--good); }
#live.lost { background: var(--bad); }
#totals { display: flex; flex-wrap: wrap; gap: 6px 26px; flex: 1; }
#totals div { display: flex; flex-direction: column-reverse; }
#totals dt { color: var(--mute); font-size: 11px; }
#totals dd { font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; display: flex; gap: 8px; align-items: center; }
#totals svg { width: 90px; height: 20px; stroke: var(--mark); fill: none; stroke-width: 1.5; }
#filter { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 5px 10px; width: 170px; }
#notice { background: color-mix(in srgb, var(--bad) 14%, var(--card)); border-radius: 8px; padding: 9px 14px; margin-bottom: 14px; }
h2 { font-size: 12px; font-weight: 600; color: var(--mute); margin: 18px 0 8px; text-transform: none; }
h2 b { color: var(--text); }
.process { background: var(--card); border: 1px solid var(--line); border-left: 3px solid var(--tone, var(--idle)); border-radius: 8px; margin-bottom: 10px; overflow: hidden; }
.inside { margin: 0 0 10px 22px; }
.good { --tone: var(--good); } .busy { --tone: var(--busy); } .bad { --tone: var(--bad); } .idle { --tone: var(--idle); }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding: 9px 14px; }
.top strong { font-size: 14px; }
.top .numbers { margin-left: auto; display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--mute); font-size: 12px; font-variant-numeric: tabular-nums; }
.numbers b { color: var(--text); font-weight: 600; }
code { font: 12px ui-monospace, monospace; color: var(--mute); }
.pill { font-size: 11px; font-weight: 600; color: var(--tone); background: color-mix(in srgb, var(--tone) 13%, transparent); border-radius: 20px; padding: 1px 9px; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 900px; table-layout: fixed; font-variant-numeric: tabular-nums; }
th { font-size: 11px; font-weight: 500; color: var(--mute); text-align: right; padding: 3px 14px; border-top: 1px solid var(--line); background: var(--soft); }
td { text-align: right; padding: 5px 14px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; width: 28%; overflow: hidden; text-overflow: ellipsis; }
tbody tr.actor { cursor: pointer; } tbody tr.actor:hover { background: var(--soft); }
tr.actor td:first-child::before { content: '\\25b8'; color: var(--mute); display: inline-block; width: 15px; font-size: 11px; }
tr.actor.open td:first-child::before { content: '\\25be'; }
tr.endpoint td { color: var(--mute); border-top: 0; padding-top: 1px; padding-bottom: 3px; font-size: 13px; }
tr.endpoint td:first-child { padding-left: 44px; }
tr.why td { border-top: 0; padding-top: 0; color: var(--bad); white-space: normal; text-align: left; font-size: 12.5px; overflow-wrap: anywhere; padding-left: 29px; }
td small, th small { color: var(--mute); font-size: 11px; }
.warm { color: var(--busy); font-weight: 600; } .hot { color: var(--bad); font-weight: 600; } .none { color: var(--mute); }
.said { padding: 0 14px 9px; color: var(--bad); font-size: 12.5px; overflow-wrap: anywhere; white-space: pre-wrap; }
#failures ol { list-style: none; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
#failures li { padding: 7px 14px; border-bottom: 1px solid var(--line); display: flex; gap: 14px; overflow-wrap: anywhere; }
#failures li:last-child { border: 0; }
time { color: var(--mute); font-variant-numeric: tabular-nums; white-space: nowrap; }
`;
