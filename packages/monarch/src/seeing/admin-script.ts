/** Script of the live page: asks for the tree each second and draws it anew. Text is never read as HTML. */
export const ADMIN_SCRIPT = String.raw`
'use strict';
const TONES = { running: 'good', starting: 'busy', 'setting up': 'busy', constructed: 'busy', stopping: 'busy', silent: 'bad', failed: 'bad' };
const HISTORY = 60;
const open = new Set();
const history = [];
let before = new Map();
let tree;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}
const digits = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));
const number = (n) => (n < 10 && n % 1 !== 0 ? n.toFixed(1) : Math.round(n).toLocaleString('en-US'));
const bytes = (n) => (n >= 2 ** 30 ? digits(n / 2 ** 30) + ' GiB' : n >= 2 ** 20 ? digits(n / 2 ** 20) + ' MiB' : digits(n / 1024) + ' KiB');
const duration = (ms) => (ms === undefined ? '–' : ms >= 1000 ? digits(ms / 1000) + ' s' : ms >= 1 ? digits(ms) + ' ms' : Math.round(ms * 1000) + ' µs');
const age = (ms) => {
  const s = Math.floor(ms / 1000);
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  return d > 0 ? d + 'd ' + h + 'h' : h > 0 ? h + 'h ' + m + 'm' : m > 0 ? m + 'm ' + (s % 60) + 's' : s + 's';
};
const share = (fraction) => (fraction === undefined ? '–' : Math.round(fraction * 100) + '%');
const sum = (items, of) => items.reduce((total, item) => total + of(item), 0);
const all = (processes) => processes.flatMap((process) => [process, ...all(process.processes)]);

/** How fast a counter grew since the look before; undefined at the first. */
function rate(after, key, value, now) {
  const last = before.get(key);
  const isNew = last === undefined || now > last.now;
  const perSecond = last !== undefined && isNew ? (value - last.value) / ((now - last.now) / 1000) : last?.perSecond;
  after.set(key, { value: isNew ? value : last.value, now: isNew ? now : last.now, perSecond });
  return perSecond;
}

function pill(state) {
  return element('span', { className: 'pill ' + (TONES[state] ?? 'bad') }, state);
}
function cell(text, className) {
  return element('td', className ? { className } : {}, text);
}
function count(n, tone) {
  return cell(number(n), n > 0 ? tone : 'none');
}

function endpointRow(actor, endpoint, asOf, after) {
  const perSecond = rate(after, actor.id + ' ' + endpoint.name, endpoint.calls, asOf);
  return {
    perSecond,
    row: element('tr', { className: 'endpoint' }, cell(endpoint.name), cell(''), cell(''), cell(number(endpoint.inFlight)),
      cell(perSecond === undefined ? '–' : number(perSecond)), cell(number(endpoint.calls)),
      cell(duration(endpoint.p50Ms)), cell(duration(endpoint.p99Ms)), cell(duration(endpoint.maxMs)), count(endpoint.errors, 'warm')),
  };
}

function actorRows(actor, asOf, after) {
  const endpoints = actor.endpoints.map((endpoint) => endpointRow(actor, endpoint, asOf, after));
  const slowest = actor.endpoints.reduce((most, next) => ((next.p99Ms ?? -1) > (most?.p99Ms ?? -1) ? next : most), undefined);
  const busiest = actor.endpoints.reduce((most, next) => (next.calls > (most?.calls ?? -1) ? next : most), undefined);
  const known = endpoints.filter(({ perSecond }) => perSecond !== undefined);
  const isOpen = open.has(actor.id);
  const mailbox = element('td', {}, element('span', { className: actor.mailboxLength > 100 ? 'hot' : actor.mailboxLength > 0 ? 'warm' : 'none' }, number(actor.mailboxLength)),
    ' ', element('small', { title: 'most that ever waited' }, 'max ' + number(actor.mailboxHighWater)));
  const row = element('tr', { className: 'actor' + (isOpen ? ' open' : '') },
    element('td', {}, element('b', {}, actor.mesh + '/' + actor.rank), ' ', element('small', {}, actor.className)),
    element('td', {}, pill(actor.state)), mailbox, cell(number(sum(actor.endpoints, (e) => e.inFlight))),
    cell(known.length === 0 ? '–' : number(sum(known, (e) => e.perSecond))), cell(number(sum(actor.endpoints, (e) => e.calls))),
    cell(duration(busiest?.p50Ms)), cell(duration(slowest?.p99Ms)), cell(duration(actor.endpoints.length === 0 ? undefined : Math.max(...actor.endpoints.map((e) => e.maxMs)))),
    count(sum(actor.endpoints, (e) => e.errors), 'hot'));
  row.dataset.id = actor.id;
  const why = actor.state === 'failed' ? actor.failure : isOpen && actor.lastError ? actor.lastError.endpoint + ' threw: ' + actor.lastError.text : undefined;
  const said = why === undefined ? [] : [element('tr', { className: 'why' }, element('td', { colSpan: 10 }, why))];
  return [row, ...said, ...(isOpen ? endpoints.map((endpoint) => endpoint.row) : [])];
}

function matches(process, wanted) {
  const names = [process.name, process.id, ...process.actors.map(({ mesh, className }) => mesh + ' ' + className)];
  return names.some((name) => name.toLowerCase().includes(wanted)) || process.processes.some((inner) => matches(inner, wanted));
}

function numbers(process, after) {
  const { usage, asOf } = process;
  if (usage === undefined) return undefined;
  const cpu = rate(after, process.id + ' cpu', usage.cpuMs / 1000, asOf);
  const busy = rate(after, process.id + ' busy', usage.busyMs / 1000, asOf);
  const pairs = [['up', age(usage.uptimeMs)], ['cpu', share(cpu)], ['loop', share(busy)], ['memory', bytes(usage.rssBytes)], ['heap', bytes(usage.heapBytes)],
    ['sent', bytes(sum(process.peers, (peer) => peer.sentBytes))], ['received', bytes(sum(process.peers, (peer) => peer.receivedBytes))]];
  return element('span', { className: 'numbers' }, ...pairs.map(([name, value]) => element('span', {}, name + ' ', element('b', {}, value))));
}

function table(process, after) {
  const names = [['actor'], ['state'], ['mailbox'], ['in flight'], ['calls/s'], ['calls'], ['p50', 'of its busiest endpoint'], ['p99', 'of its slowest endpoint'], ['max'], ['errors']];
  const rows = process.actors.flatMap((actor) => actorRows(actor, process.asOf, after));
  return element('div', { className: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ...names.map(([name, title = '']) => element('th', { title }, name)))), element('tbody', {}, ...rows)));
}

function boardTable({ title, columns, rows }) {
  const row = (cells) => element('tr', {}, ...cells.map((text) => cell(typeof text === 'number' ? number(text) : text)));
  return element('div', { className: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ...[title, ...columns].map((name) => element('th', {}, name)))), element('tbody', {}, ...rows.map(row))));
}

function processCard(process, after, wanted) {
  if (wanted !== '' && !matches(process, wanted)) return undefined;
  const exit = process.exit && (process.exit.signal ? 'killed by ' + process.exit.signal : 'exited with code ' + process.exit.exitCode);
  const said = process.problem ?? (exit && [exit, ...process.exit.stderrTail.slice(-3)].join('\n'));
  const quiet = process.state === 'silent' ? 'did not answer; ' + (process.asOf ? 'shown as it was ' + age(Date.now() - process.asOf) + ' ago' : 'nothing is known of it yet') : undefined;
  const card = element('article', { className: 'process ' + (TONES[process.state] ?? 'bad') },
    element('div', { className: 'top' }, element('strong', {}, process.name), element('code', {}, process.id + '  pid ' + process.pid), pill(process.state), numbers(process, after)),
    said || quiet ? element('p', { className: 'said' }, said || quiet) : undefined,
    ...(process.state === 'ended' ? [] : process.boards.map(boardTable)),
    process.state !== 'ended' && process.actors.length > 0 ? table(process, after) : undefined);
  const inner = process.processes.map((each) => processCard(each, after, wanted)).filter((each) => each !== undefined);
  return element('div', {}, card, inner.length > 0 ? element('div', { className: 'inside' }, ...inner) : undefined);
}

function sparkline(values) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  const most = Math.max(1, ...values);
  svg.setAttribute('viewBox', '0 0 90 20');
  line.setAttribute('points', values.map((value, i) => (90 - (values.length - 1 - i) * (90 / (HISTORY - 1))).toFixed(1) + ',' + (19 - (value / most) * 18).toFixed(1)).join(' '));
  svg.append(line);
  return svg;
}

/** Draws the tree; returns what counters are at, and calls a second. */
function draw() {
  const after = new Map();
  const processes = tree.hosts.flatMap((host) => all(host.processes));
  const actors = processes.filter(({ state }) => state !== 'ended').flatMap(({ actors }) => actors);
  const endpoints = actors.flatMap((actor) => actor.endpoints);
  const wanted = document.getElementById('filter').value.trim().toLowerCase();
  document.getElementById('hosts').replaceChildren(...tree.hosts.flatMap((host) => [
    element('h2', {}, 'host ', element('b', {}, host.hostname ?? host.id), host.hostname ? ' (' + host.id + ')' : ''),
    ...host.processes.map((process) => processCard(process, after, wanted)).filter((card) => card !== undefined),
  ]));
  const perSecond = sum(processes, (process) => (process.state !== 'running' ? 0 : sum(process.actors, (actor) => sum(actor.endpoints,
    (endpoint) => rate(after, actor.id + ' ' + endpoint.name, endpoint.calls, process.asOf) ?? 0))));
  const living = processes.filter(({ state }) => state === 'running').length;
  const totals = [
    ['hosts', number(tree.hosts.length)], ['processes running', living + (living < processes.length ? ' of ' + processes.length : '')],
    ['actors', number(actors.length)], ['calls/s', number(perSecond), sparkline(history)], ['in flight', number(sum(endpoints, (e) => e.inFlight))],
    ['waiting', number(sum(actors, (a) => a.mailboxLength))], ['errors', number(sum(endpoints, (e) => e.errors))],
    ['memory', bytes(sum(processes.filter(({ state }) => state !== 'ended'), (p) => p.usage?.rssBytes ?? 0))],
  ];
  document.getElementById('totals').replaceChildren(...totals.map(([name, value, extra]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, value, extra))));
  const failures = processes.flatMap((process) => process.failures.map((failure) => ({ ...failure, process }))).sort((a, b) => b.time - a.time).slice(0, 20);
  document.getElementById('failures').replaceChildren(...(failures.length === 0 ? [] : [element('h2', {}, 'last failures'),
    element('ol', {}, ...failures.map(({ time, kind, text }) => element('li', {}, element('time', {}, new Date(time).toLocaleTimeString()), element('span', { className: 'pill bad' }, kind), element('span', {}, text))))]));
  return { after, perSecond };
}

async function refresh() {
  const notice = document.getElementById('notice');
  try {
    const answer = await fetch('v1/tree' + location.search, { signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(await answer.text());
    tree = await answer.json();
    const drawn = draw();
    if (before.size > 0) history.push(drawn.perSecond);
    if (history.length > HISTORY) history.shift();
    before = drawn.after;
    notice.hidden = true;
    document.getElementById('live').className = '';
  } catch (error) {
    notice.textContent = 'The program does not answer. What is shown is old. ' + (error instanceof Error ? error.message : '');
    notice.hidden = false;
    document.getElementById('live').className = 'lost';
  }
  setTimeout(refresh, document.hidden ? 5000 : 1000);
}

document.getElementById('hosts').addEventListener('click', ({ target }) => {
  const id = target.closest('tr.actor')?.dataset.id;
  if (id === undefined) return;
  if (!open.delete(id)) open.add(id);
  draw();
});
document.getElementById('filter').addEventListener('input', () => tree && draw());
refresh();
`;
