// The page: what is wished for, one request in flight, the newest wish first; simulations and the frontier at rest.
import { DASHES, lastUpTo, makeCharts } from "./charts.js";
import { makePlane } from "./plane.js";

const REST = 250; // milliseconds without a new wish before anything is simulated
const $ = (id) => document.getElementById(id);
const power = (k) => 2 ** k;
const short = (value) => (Number.isInteger(value) ? value : Number(value.toPrecision(3))).toString();
// name -> [label, least, most, step of the slider, value of a place, place of a value, text]
const SLIDERS = {
  alpha: ["α, decay of the eigenvalues", 0.05, 1.5, 0.01],
  beta: ["β, decay of the target", -0.9, 1.5, 0.01],
  width: ["width", 2, 12, 1, power, Math.log2],
  batch: ["batch", 0, 10, 1, power, Math.log2],
  rate: ["learning rate × trace", -3, 1, 0.02, (p) => Number((10 ** p).toPrecision(3)), Math.log10],
  momentum: ["momentum", 0, 0.99, 0.01],
  noise: ["label noise", 0, 2, 0.01],
  samples: ["samples", 1, 14, 1, (k) => (k < 2 ? 0 : power(k)), (n) => (n ? Math.log2(n) : 1)],
  step: ["look at step", 0, 18, 1, power, Math.log2],
};
const DEFAULT = { alpha: 1, beta: 0.7, width: 256, batch: 4, rate: 0.5, momentum: 0, noise: 0, samples: 0, step: 4096 };
const state = { wish: { ...DEFAULT }, answer: null, axis: "compute", optima: [], measured: [], runs: [] };
const loop = { wanted: null, busy: false, updates: 0, generation: 0, timer: null };
let movePoint, showCharts;

function readLink() {
  const found = new URLSearchParams(location.hash.slice(1));
  for (const [name, [, low, high, , value = Number]] of Object.entries(SLIDERS)) {
    const given = Number(found.get(name) ?? NaN);
    const [least, most] = [value(low), value(high)];
    if (Number.isFinite(given) && given >= Math.min(least, 0.001 + least) && given <= most) state.wish[name] = given;
  }
  for (const name of ["width", "batch", "samples", "step"]) state.wish[name] = Math.round(state.wish[name]);
  if (state.wish.samples < 4) state.wish.samples = 0;
  if (["compute", "steps"].includes(found.get("axis"))) state.axis = found.get("axis");
}

const query = (wish) => new URLSearchParams(wish).toString();

function consistent(wish) {
  const beta = Math.max(wish.beta, Math.round((0.52 - wish.alpha) * 1000) / 1000);
  return { ...wish, beta, momentum: wish.samples ? 0 : wish.momentum };
}

function wishFor(change) {
  state.wish = consistent({ ...state.wish, ...change });
  loop.generation++;
  document.body.dataset.settled = "no";
  loop.wanted = state.wish;
  Object.assign(state, { optima: [], measured: [], runs: [] });
  showControls();
  clearTimeout(loop.timer);
  ask();
}

async function ask() {
  if (loop.busy) return;
  loop.busy = true;
  while (loop.wanted) {
    const wish = loop.wanted;
    loop.wanted = null;
    let answer;
    try {
      const reply = await fetch("theory?" + query(wish));
      if (!reply.ok) throw new Error(await reply.text());
      answer = await reply.json();
    } catch (error) {
      say(`No answer: ${error.message}`);
      continue;
    }
    Object.assign(state, { answer, shown: wish });
    loop.updates++;
    showAnswer(); // outside of the above: its own mistakes are not those of the server
  }
  loop.busy = false;
  document.body.dataset.settled = "yes";
  loop.timer = setTimeout(() => behind(loop.generation), REST);
}

// Simulated runs and the frontier in turns, a part a request, until there is a new wish.
async function behind(generation) {
  const todo = { frontier: 0, simulation: 0 };
  const most = { frontier: 1, simulation: 1 };
  const wish = state.wish;
  history.replaceState(null, "", "#" + query({ ...wish, axis: state.axis }));
  while (generation === loop.generation && Object.keys(todo).some((name) => todo[name] < most[name])) {
    for (const name of Object.keys(todo)) {
      if (generation !== loop.generation || todo[name] >= most[name]) continue;
      say(name === "frontier" ? "The frontier is coming in…" : `SGD is coming in: ${state.runs.length} runs…`);
      let found;
      try {
        found = await (await fetch(`${name}?${query(wish)}&part=${todo[name]}`)).json();
      } catch (error) {
        return say(`No answer: ${error.message}`);
      }
      if (generation !== loop.generation) return;
      most[name] = found.parts;
      todo[name]++;
      if (found.parts) (name === "frontier" ? addOptima : addRuns)(found);
      else if (found.note) state.simulationNote = found.note;
      showAnswer();
    }
  }
  if (generation === loop.generation) say(state.runs.length ? `Done: ${state.runs.length} runs, each on its own draw (the lines are the typical draw).` : `Done. ${state.simulationNote ?? ""}`);
}

function addOptima(found) {
  found.compute.forEach((compute, i) => state.optima.push({
    compute, risk: found.risk[i], width: found.width[i], interior: found.interior[i],
    loss_exponent: found.loss_exponent[i], width_exponent: found.width_exponent[i],
  }));
}

function addRuns(found) {
  state.runs.push(...found.runs);
  const count = state.runs.length;
  state.measured = found.steps.map((step, k) => {
    const values = state.runs.map((run) => run[k] ?? NaN);
    const mean = values.reduce((a, b) => a + b, 0) / count;
    const spread = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (count - 1);
    return { step, mean, stderr: Math.sqrt(spread / count) };
  }).filter((point) => Number.isFinite(point.mean));
}

const say = (text) => ($("status").textContent = text);

function showControls() {
  movePoint(state.wish.alpha, state.wish.beta);
  for (const [name, [, , , , , place = Number]] of Object.entries(SLIDERS)) {
    const value = state.wish[name];
    $(name).value = place(value);
    const off = state.wish.samples && (name === "batch" || name === "momentum");
    $(name).disabled = off;
    $(name).parentElement.classList.toggle("off", off);
    $(`${name}-value`).textContent = name === "samples" && !value ? "∞ (a fresh stream)" : short(value);
  }
}

function showAnswer() {
  const { answer, shown: wish } = state;
  document.body.dataset.updates = loop.updates;
  const { name, loss_exponent: eta, width_exponent: xi } = answer.phase;
  $("title").textContent = `Phase ${name}: with more compute, risk ~ compute^−${eta.toFixed(3)}, best width ~ compute^${xi.toFixed(3)}`;
  $("words").textContent = answer.limits.words;
  $("note").textContent = answer.note;
  $("code").textContent = answer.code;
  showParts(answer.limits.parts);
  const at = lastUpTo(answer.steps, wish.step);
  $("numbers").tBodies[0].replaceChildren(...answer.curves.map((line, i) => {
    const row = document.createElement("tr");
    row.className = i === answer.chosen ? "chosen" : "";
    const risk = line.diverges ? "diverges" : line.risk[at].toPrecision(4);
    for (const [text, value] of [[short(line.width), line.width], [short(line.learning_rate), line.learning_rate], [risk, line.risk[at]]]) {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.dataset.value = value;
    }
    return row;
  }));
  for (const kind of ["png", "svg", "csv"]) $(kind).href = `curves.${kind}?${query(wish)}`;
  const waiting = answer.world === "stream" ? "the exact frontier comes in at rest" : answer.note;
  $("frontier-note").textContent = `Local exponents along the frontier: circles η, squares ξ; dashed, their asymptotes${state.optima.length ? "" : "; " + waiting}.`;
  showLegend(answer);
  showCharts({ ...state, wish });
}

const COLORS = { width: "--sgd", steps: "--w1", "SGD noise": "--accent", "label noise": "--soft", "steps, SGD noise": "--w1" };
function showParts(parts) {
  const total = Object.values(parts).reduce((a, b) => a + b, 0);
  $("parts").replaceChildren(...Object.entries(parts).filter(([, value]) => value > 0).map(([name, value]) => {
    const bar = document.createElement("span");
    bar.style.cssText = `flex: ${value / total} 0 0; background: var(${COLORS[name]}); padding: ${value / total < 0.06 ? 0 : "2px 4px"}`;
    bar.textContent = `${name} ${((100 * value) / total).toFixed(0)}%`;
    bar.title = bar.textContent;
    return bar;
  }));
}

const PATTERN = { solid: "", dashed: "6 4", dotted: "2 4", dashdot: "6 3 2 3", dotdash: "2 3 6 3" };
function showLegend(answer) {
  const offset = answer.curves.length === 1 ? 2 : 0;
  const entries = answer.curves.map((line, i) => [
    `width ${line.width}${line.diverges ? " (diverges)" : ""}`, `--w${i + offset}`, PATTERN[DASHES[i + offset]], 2,
  ]);
  if (state.runs.length) entries.push([`SGD, ${state.runs.length} runs`, "--sgd", "1 5", 5]);
  if (state.optima.length && state.axis === "compute") entries.push(["best over all widths", "--frontier", "", 5]);
  $("legend").innerHTML = entries.map(([text, color, dash, wide]) =>
    `<span><svg viewBox="0 0 26 10"><line x1="0" x2="26" y1="5" y2="5" style="stroke: var(${color})" stroke-width="${wide}" stroke-dasharray="${dash}"/></svg>${text}</span>`).join("");
}

function makeSliders() {
  for (const [name, [label, low, high, step, value = Number]] of Object.entries(SLIDERS)) {
    const box = document.createElement("label");
    box.className = "slider";
    box.innerHTML = `<span>${label}</span><output id="${name}-value"></output><input type="range" id="${name}" min="${low}" max="${high}" step="${step}">`;
    $("sliders").append(box);
    $(name).addEventListener("input", (event) => wishFor({ [name]: value(Number(event.target.value)) }));
  }
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl-C"; // the browser forbids it: the text is selected instead
    getSelection().selectAllChildren($("code"));
  }
}

async function start() {
  readLink();
  makeSliders();
  const plane = await (await fetch("plane")).json();
  movePoint = makePlane($("plane"), plane, (alpha, beta) => wishFor({ alpha, beta }));
  showCharts = await makeCharts($("risk"), $("slopes"));
  document.querySelector(`[name=axis][value=${state.axis}]`).checked = true;
  for (const radio of document.getElementsByName("axis")) {
    radio.addEventListener("change", () => {
      state.axis = radio.value;
      if (state.answer) showAnswer();
    });
  }
  $("copy-code").addEventListener("click", (event) => copy($("code").textContent, event.target));
  $("copy-link").addEventListener("click", (event) => {
    history.replaceState(null, "", "#" + query({ ...state.wish, axis: state.axis }));
    copy(location.href, event.target);
  });
  addEventListener("hashchange", () => {
    readLink();
    wishFor({});
  });
  wishFor({});
}

start();
