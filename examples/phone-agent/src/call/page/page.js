'use strict';
const call = JSON.parse(document.getElementById('call').textContent);
const $ = (id) => document.getElementById(id);
const audio = $('audio'), scroll = $('scroll'), stage = $('stage'), tip = $('tip');

// Lanes from top to bottom, in pixels.
const LANES = { axis: [0, 22], said: [26, 22], caller: [50, 78], words: [134, 24], states: [166, 22],
  replies: [196, 24], agent: [226, 78], marks: [310, 20] };
const HEIGHT = 340;
const NAMES = [['caller', 'caller', 'caller'], ['words', 'understood', ''], ['states', 'engine', ''],
  ['replies', 'reply', ''], ['agent', 'agent', 'agent'], ['marks', 'marks', '']];
const STATES = { listening: 'listening', processing: 'processing', speaking: 'speaking', ended: 'ended', idle: 'idle' };
const PARTS = [['endpointing', 'sure that the caller has finished'], ['transcript', 'waiting for the transcript'],
  ['model', 'to the first words'], ['voice', 'to the first audio'], ['line', 'to the caller’s ear']];
const SVG = 'http://www.w3.org/2000/svg';

let scale = 0.1; // pixels a millisecond
let svg, cursor;

const seconds = (ms, digits = 2) => (ms / 1000).toFixed(digits) + ' s';
const round = (ms) => Math.round(ms) + ' ms';
const clock = (ms) => Math.floor(ms / 60000) + ':' + String(Math.floor(ms / 1000) % 60).padStart(2, '0');
const x = (ms) => ms * scale;

function make(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  (parent || svg).append(node);
  return node;
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function explain(node, text) {
  node.classList.add('hot');
  node.addEventListener('pointerenter', () => { tip.textContent = text; tip.hidden = false; });
  node.addEventListener('pointerleave', () => { tip.hidden = true; });
}

document.addEventListener('pointermove', (event) => {
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
  tip.style.left = left + 'px';
  tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 12) + 'px';
});

function box(lane, from, to, kind, about, inset = 0) {
  const [top, height] = LANES[lane];
  const node = make('rect', { x: x(from), y: top + inset, width: Math.max(x(to) - x(from), 1), height: height - 2 * inset,
    class: kind });
  if (about) explain(node, about);
  return node;
}

// A box with as much of its text as fits; the rest is in the tip.
function label(lane, from, to, text, kind, about) {
  const [top, height] = LANES[lane];
  const width = x(to) - x(from);
  const group = make('g', {});
  make('rect', { x: x(from) + .5, y: top + 1, width: Math.max(width - 1, 2), height: height - 2, rx: 4, class: kind }, group);
  const room = Math.floor((width - 12) / 6.1);
  if (room > 2) {
    const short = text.length > room ? text.slice(0, room - 1) + '…' : text;
    make('text', { x: x(from) + 6, y: top + height / 2 + 4 }, group, short);
  }
  explain(group, about || text);
}

function wave(context, peaks, lane, colour) {
  const [top, height] = LANES[lane];
  const middle = top + height / 2;
  context.fillStyle = colour;
  const columns = Math.ceil(x(call.length));
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(column / scale / call.step), to = Math.max(from + 1, Math.ceil((column + 1) / scale / call.step));
    let peak = 0;
    for (let i = from; i < to && i < peaks.length; i++) peak = Math.max(peak, peaks[i]);
    // The square root makes quiet speech visible.
    const half = Math.sqrt(peak / 100) * (height / 2 - 2);
    context.globalAlpha = half < 1 ? .35 : 1;
    context.fillRect(column, middle - half, 1, Math.max(2 * half, 1));
  }
  context.globalAlpha = 1;
}

function draw() {
  const width = Math.max(Math.ceil(x(call.length)), 10);
  stage.replaceChildren();
  stage.style.width = width + 'px';
  stage.style.height = HEIGHT + 'px';
  const ratio = Math.min(devicePixelRatio || 1, 16000 / width);
  const canvas = element('canvas', { width: width * ratio, height: HEIGHT * ratio });
  canvas.style.width = width + 'px';
  canvas.style.height = HEIGHT + 'px';
  svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('width', width);
  svg.setAttribute('height', HEIGHT);
  cursor = element('div', { id: 'cursor' });
  const under = document.createElementNS(SVG, 'svg');
  under.setAttribute('width', width);
  under.setAttribute('height', HEIGHT);
  stage.append(under, canvas, svg, cursor);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  wave(context, call.caller, 'caller', colour('--caller'));
  wave(context, call.agent, 'agent', colour('--agent'));
  axis(under);
  band();
  agent();
  caller();
  marks();
  move();
}

function axis(under) {
  const steps = [100, 250, 500, 1000, 2000, 5000, 10000, 30000, 60000];
  const step = steps.find((ms) => x(ms) >= 56) || 120000;
  for (let at = 0; at <= call.length; at += step) {
    make('line', { x1: x(at), x2: x(at), y1: 18, y2: HEIGHT, class: 'tick' }, under);
    const text = step < 1000 ? (at / 1000).toFixed(2).replace(/0$/, '') : clock(at);
    make('text', { x: x(at) + 3, y: 14, class: 'tick-label' }, svg, text);
  }
}

function band() {
  call.states.forEach((entry, index) => {
    const end = index + 1 < call.states.length ? call.states[index + 1].at : call.length;
    const name = STATES[entry.state] || entry.state;
    const about = `${name}\n${seconds(entry.at)} – ${seconds(end)} (${round(end - entry.at)})`;
    box('states', entry.at, end, 'band ' + entry.state, about);
    if (x(end - entry.at) > name.length * 6.2 + 10) {
      const [top, height] = LANES.states;
      const text = make('text', { x: x(entry.at) + 6, y: top + height / 2 + 4, class: 'band-label' }, svg, name);
      text.style.pointerEvents = 'none';
    }
  });
}

function caller() {
  call.turns.forEach((turn, index) => {
    box('caller', turn.start, turn.end, 'speech', `“${turn.label}”\n${seconds(turn.start)} – ${seconds(turn.end)}`);
    const next = call.turns[index + 1];
    label('said', turn.start, Math.max(turn.end, Math.min(next ? next.start : call.length, turn.start + 150 / scale)), turn.label,
      'words', `the caller says: “${turn.label}”\n${seconds(turn.start)} – ${seconds(turn.end)}`);
    if (turn.heardAt != null) latency(turn);
    if (turn.cutIn != null) {
      const [top] = LANES.agent;
      explain(make('path', { d: `M${x(turn.cutIn)} ${top} l-5 -8 h10 z`, class: 'underrun' }), 'the agent cut in before the caller had finished');
    }
  });
  const finals = call.transcripts.filter((entry) => entry.kind === 'final' && entry.text);
  finals.forEach((entry, index) => {
    const next = finals[index + 1];
    const end = Math.min(next ? next.at : call.length, entry.at + Math.max(600, entry.text.length * 6.4 / scale + 16 / scale));
    label('words', entry.at, end, entry.text, 'words', `understood: “${entry.text}”\nfinal at ${seconds(entry.at)}`);
  });
  const [top, height] = LANES.words;
  for (const entry of call.transcripts.filter((entry) => entry.kind === 'interim')) {
    explain(make('rect', { x: x(entry.at) - 1.5, y: top + height - 6, width: 3, height: 5, class: 'interim' }),
      `interim: “${entry.text}”\n${seconds(entry.at)}`);
  }
  for (const digit of call.digits) {
    const [at] = LANES.said;
    explain(make('text', { x: x(digit.at), y: at + 15 }, svg, 'key ' + digit.key), `key ${digit.key} at ${seconds(digit.at)}`);
  }
}

function latency(turn) {
  const from = LANES.caller[0], to = LANES.agent[0] + LANES.agent[1];
  const about = `heard after ${round(turn.latency)}` + (turn.split
    ? PARTS.map(([part, meaning]) => `\n${part} ${round(turn.split[part])} – ${meaning}`).join('') : '');
  explain(make('rect', { x: x(turn.end), y: from, width: Math.max(x(turn.latency), 1), height: to - from, class: 'gap' }), about);
  const y = LANES.caller[0] + 10;
  make('path', { d: `M${x(turn.end)} ${y} H${x(turn.heardAt)}`, class: 'gap-line', fill: 'none' });
  const text = make('text', { x: x(turn.heardAt) + 5, y: y + 4, class: 'gap-label' }, svg, round(turn.latency));
  explain(text, about);
}

function agent() {
  for (const [start, end] of call.utterances) {
    box('agent', start, end, 'voice', `the agent is audible\n${seconds(start)} – ${seconds(end)} (${seconds(end - start)})`);
  }
  call.replies.forEach((reply, index) => {
    const next = call.replies[index + 1];
    const start = reply.audio != null ? reply.audio : reply.at;
    const spoken = call.utterances.filter(([from]) => from >= start - 500 && (!next || from < next.at)).pop();
    const end = reply.cancelled != null ? reply.cancelled : spoken ? spoken[1] : start + 300;
    const cut = reply.cancelled != null ? `\ncancelled at ${seconds(reply.cancelled)}` : '';
    const text = reply.text.trim() || (reply.cancelled != null ? 'cancelled before a word' : reply.source);
    label('replies', Math.min(start, end - 20), end, text, 'reply' + (cut ? ' cut' : ''),
      `reply ${reply.id} (${reply.source})\n“${reply.text.trim()}”\nasked for at ${seconds(reply.at)}${cut}`);
  });
  for (const gap of call.underruns) {
    box('agent', gap.at, gap.at + gap.length, 'underrun', `the agent’s audio came ${round(gap.length)} too late`, 30);
  }
  for (const barge of call.bargeIns) {
    const from = LANES.caller[0], to = LANES.agent[0] + LANES.agent[1];
    const about = `the caller interrupts at ${seconds(barge.at)}\nthe agent is silent ${round(barge.silence)} later` +
      (barge.clear == null ? '\nnothing was cleared' : `\ncleared after ${round(barge.clear)}`);
    explain(make('rect', { x: x(barge.at), y: from, width: Math.max(x(barge.silence), 1.5), height: to - from, class: 'barge' }), about);
    const y = LANES.agent[0] + LANES.agent[1] - 8;
    make('path', { d: `M${x(barge.at)} ${y} H${x(barge.at + barge.silence)}`, class: 'barge-line', fill: 'none' });
    explain(make('text', { x: x(barge.at + barge.silence) + 5, y: y + 4, class: 'barge-label' }, svg, 'silent after ' + round(barge.silence)), about);
  }
}

function marks() {
  const [top, height] = LANES.marks, y = top + height / 2;
  for (const clear of call.clears) {
    const node = make('line', { x1: x(clear.at), x2: x(clear.at), y1: LANES.replies[0], y2: HEIGHT - 6, class: 'clear' });
    explain(node, `cleared at ${seconds(clear.at)}: ${round(clear.dropped)} unsaid`);
  }
  for (const mark of call.marks) {
    const at = x(mark.returned != null ? mark.returned : mark.sent);
    const fate = mark.returned == null ? 'never returned' : (mark.cleared ? 'cleared at ' : 'played at ') + seconds(mark.returned);
    const node = mark.returned == null ? make('circle', { cx: at, cy: y, r: 3, class: 'mark-open' })
      : mark.cleared ? make('path', { d: `M${at - 3.5} ${y - 3.5} l7 7 m0 -7 l-7 7`, class: 'mark-cleared' })
      : make('circle', { cx: at, cy: y, r: 3.2, class: 'mark-played' });
    explain(node, `mark ${mark.name}\nsent ${seconds(mark.sent)}, ${fate}`);
  }
  for (const trouble of [...call.violations, ...call.failures]) {
    explain(make('text', { x: x(trouble.at) - 4, y: top + height + 8, class: 'barge-label' }, svg, '!'), `${seconds(trouble.at)}: ${trouble.what}`);
  }
}

function move(follow) {
  const at = x(audio.currentTime * 1000);
  cursor.style.left = at + 'px';
  if (follow && (at < scroll.scrollLeft || at > scroll.scrollLeft + scroll.clientWidth - 40)) {
    scroll.scrollLeft = at - 80;
  }
}

function seek(ms) {
  audio.currentTime = Math.max(0, Math.min(ms, call.length - 1)) / 1000;
  move(true);
}

function names() {
  for (const [lane, text, kind] of NAMES) {
    const [top, height] = LANES[lane];
    const node = element('span', { textContent: text, className: kind });
    node.style.top = top + height / 2 + 'px';
    $('names').append(node);
  }
}

function figures() {
  const latencies = call.turns.map((turn) => turn.latency).filter((ms) => ms != null).sort((a, b) => a - b);
  const median = latencies[Math.floor(latencies.length / 2)];
  const rows = [['length', clock(call.length), ''], ['turns', call.turns.length, '']];
  if (latencies.length) {
    rows.push(['heard after, median', round(median), ''], ['at most', round(latencies[latencies.length - 1]), '']);
  }
  if (call.bargeIns.length) {
    const slowest = Math.max(...call.bargeIns.map((barge) => barge.silence));
    rows.push(['silent after interruption', round(slowest), '']);
  }
  const trouble = call.violations.length + call.failures.length + call.underruns.length;
  if (trouble) rows.push(['violations, failures, gaps', trouble, 'bad']);
  for (const [name, value, kind] of rows) {
    $('figures').append(element('div', { className: kind }, element('dt', { textContent: name }), element('dd', { textContent: value })));
  }
}

function legend() {
  const entries = [['--listening', 'listening'], ['--processing', 'processing'], ['--speaking', 'speaking'],
    ['--good', 'caller-heard latency; mark played'], ['--bad', 'interruption; mark cleared'], ['--soft', 'interim transcript']];
  for (const [colour, text] of entries) {
    const swatch = element('i', {});
    swatch.style.background = `var(${colour})`;
    $('legend').append(element('span', {}, swatch, text));
  }
}

function cell(text, kind = '') {
  return element('td', { textContent: text, className: kind });
}

function turns() {
  if (!call.turns.length) return;
  const split = call.turns.some((turn) => turn.split);
  const longest = Math.max(1, ...call.turns.map((turn) => turn.latency || 0));
  const head = element('tr', {}, ...['', 'caller', 'heard after'].map((name, i) => element('th', { textContent: name, className: i === 2 ? 'n' : '' })));
  if (split) {
    head.append(element('th', { textContent: 'made of' }));
    PARTS.forEach(([part]) => head.append(element('th', { textContent: part, className: 'n' })));
  }
  const body = element('tbody', {});
  call.turns.forEach((turn, index) => {
    const said = element('td', {}, turn.label);
    if (turn.understood) said.append(element('div', { className: 'understood', textContent: 'understood: ' + turn.understood }));
    if (turn.cutIn != null) said.append(element('div', { className: 'bad', textContent: 'the agent cut in' }));
    const row = element('tr', {}, cell(index + 1, 'n'), said, cell(turn.latency == null ? '–' : round(turn.latency), 'n'));
    if (split) {
      const stack = element('div', { className: 'stack' });
      stack.style.width = (turn.latency || 0) / longest * 100 + '%';
      const total = turn.split ? PARTS.reduce((sum, [part]) => sum + turn.split[part], 0) : 1;
      PARTS.forEach(([part, meaning], i) => {
        if (!turn.split) return;
        const piece = element('span', { className: 'p' + (i + 1) });
        piece.style.width = turn.split[part] / total * 100 + '%';
        explain(piece, `${part}: ${round(turn.split[part])}\n${meaning}`);
        stack.append(piece);
      });
      row.append(element('td', { className: 'bar' }, stack));
      PARTS.forEach(([part]) => row.append(cell(turn.split ? Math.round(turn.split[part]) : '', 'n')));
    }
    row.addEventListener('click', () => { seek(turn.start - 300); audio.play(); });
    body.append(row);
  });
  $('details').append(element('div', { className: 'card' }, element('h2', { textContent: 'Turns' }),
    element('table', {}, element('thead', {}, head), body)));
}

function zoom() {
  const fit = Math.max((scroll.clientWidth - 2) / call.length, 0.0005);
  // From the whole call in the window to a tenth of a second in 100 pixels.
  const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / scale;
  scale = Math.min(fit * Math.pow(Math.max(1 / fit, 1), $('zoom').value / 100), 60000 / call.length);
  draw();
  scroll.scrollLeft = middle * scale - scroll.clientWidth / 2;
}

audio.src = 'data:audio/wav;base64,' + call.wav;
names();
figures();
legend();
turns();
// A long call starts zoomed in to a readable 40 pixels a second.
const fit = Math.max((scroll.clientWidth - 2) / call.length, 0.0005);
if (fit < 0.04) $('zoom').value = 100 * Math.log(0.04 / fit) / Math.log(1 / fit);
zoom();
scroll.scrollLeft = 0;

$('zoom').addEventListener('input', zoom);
addEventListener('resize', zoom);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
stage.addEventListener('click', (event) => seek((event.clientX - stage.getBoundingClientRect().left) / scale));
addEventListener('keydown', (event) => {
  if (event.code !== 'Space' || event.target !== document.body) return;
  event.preventDefault();
  audio.paused ? audio.play() : audio.pause();
});
audio.addEventListener('timeupdate', () => move(!audio.paused));
(function frame() {
  if (!audio.paused) move(true);
  requestAnimationFrame(frame);
})();
