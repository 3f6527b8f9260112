// Two charts by BokehJS: the risk on logarithmic axes, and the local exponents along the frontier.
const LINES = 5;
const REPAINT = 150; // milliseconds between two paintings of the exponents while dragging
export const DASHES = ["dotted", "dashed", "solid", "dashdot", "dotdash"];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const source = (...names) => new Bokeh.ColumnDataSource({ data: Object.fromEntries(names.map((n) => [n, []])) });

function figure(height, options, tips) {
  const tools = [new Bokeh.HoverTool({ tooltips: tips })];
  const made = Bokeh.Plotting.figure({
    sizing_mode: "stretch_width", height, x_axis_type: "log", tools, toolbar_location: null, min_border_right: 12, ...options,
    x_range: new Bokeh.Range1d({ start: 1, end: 1e6 }), y_range: new Bokeh.Range1d({ start: 1e-3, end: 1 }),
  });
  return made;
}

function paint(chart) {
  const [paper, ink, soft, line] = ["--paper", "--ink", "--soft", "--line"].map(css);
  Object.assign(chart, { background_fill_color: paper, border_fill_color: paper, outline_line_color: line });
  for (const axis of [...chart.xaxes, ...chart.yaxes]) {
    Object.assign(axis, {
      axis_label_text_color: ink, axis_label_text_font_style: "normal", major_label_text_color: ink,
      axis_line_color: soft, major_tick_line_color: soft, minor_tick_line_color: line,
    });
  }
  for (const grid of chart.center.filter((each) => each.type === "Grid")) grid.grid_line_color = line;
}

const decades = (values) => {
  const seen = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!seen.length) return null;
  const low = Math.floor(Math.log10(Math.min(...seen)) + 1e-9), high = Math.ceil(Math.log10(Math.max(...seen)) - 1e-9);
  return { start: 10 ** low, end: 10 ** Math.max(high, low + 1) };
};

export async function makeCharts(riskBox, slopesBox) {
  const risk = figure(340, { y_axis_type: "log" }, [["", "@name"], ["x", "@x"], ["risk", "@y"]]);
  const slopes = figure(190, {}, [["", "@name"], ["compute", "@x"], ["exponent", "@y"]]);
  risk.yaxis.axis_label = "risk";
  slopes.xaxis.axis_label = "compute = width × steps × batch";
  slopes.yaxis.axis_label = "exponent";
  const sources = Array.from({ length: LINES }, () => source("x", "y", "name"));
  const lines = sources.map((s, i) => risk.line({ field: "x" }, { field: "y" }, { source: s, line_dash: DASHES[i] }));
  const [runs, best, now, eta, xi, limits] = [
    source("x", "y", "low", "high", "name"), source("x", "y", "name"), source("x", "y", "name"),
    source("x", "y", "name"), source("x", "y", "name"), source("x", "y", "name"),
  ];
  const bars = risk.segment({ field: "x" }, { field: "low" }, { field: "x" }, { field: "high" }, { source: runs });
  const dots = risk.scatter({ field: "x" }, { field: "y" }, { source: runs, size: 5 });
  const envelope = risk.line({ field: "x" }, { field: "y" }, { source: best, line_width: 6, line_alpha: 0.35 });
  const here = risk.scatter({ field: "x" }, { field: "y" }, { source: now, size: 11, fill_alpha: 0, line_width: 2 });
  const pairs = [[eta, "circle", "--frontier"], [xi, "square", "--w1"]].map(([s, marker, color]) => {
    const line = slopes.line({ field: "x" }, { field: "y" }, { source: s, line_width: 2 });
    return [line, slopes.scatter({ field: "x" }, { field: "y" }, { source: s, size: 6, marker }), color];
  });
  const asymptotes = slopes.multi_line({ field: "xs" }, { field: "ys" }, {
    source: (limits.data = { xs: [], ys: [] }, limits), line_dash: "dashed", line_width: 1.5,
  });

  function theme() {
    [risk, slopes].forEach(paint);
    lines.forEach((each, i) => Object.assign(each.glyph, { line_color: css(`--w${i}`), line_width: i === 2 ? 3 : 1.8 }));
    for (const each of [bars, dots]) each.glyph.line_color = css("--sgd");
    dots.glyph.fill_color = css("--sgd");
    envelope.glyph.line_color = css("--frontier");
    here.glyph.line_color = css("--accent");
    for (const [line, scatter, color] of pairs) {
      line.glyph.line_color = css(color);
      Object.assign(scatter.glyph, { line_color: css(color), fill_color: css(color) });
    }
    asymptotes.glyph.line_color = css("--soft");
  }
  theme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
  await Bokeh.Plotting.show(risk, riskBox);
  await Bokeh.Plotting.show(slopes, slopesBox);

  let painted = 0;
  const fill = (each, data) => {
    if (data.x.length || each.data.x.length) each.data = data; // nothing in place of nothing would be painted again
  };

  function show(state) {
    const { wish, answer, axis, optima, measured } = state;
    const place = (width, step) => (axis === "compute" ? width * step * wish.batch : step);
    const all = [], far = [];
    sources.forEach((each, i) => {
      const line = answer.curves[answer.curves.length === 1 ? i - 2 : i];
      const x = [], y = [];
      for (let k = 1; line && !line.diverges && k < answer.steps.length; k++) {
        x.push(place(line.width, answer.steps[k]));
        y.push(line.risk[k] > 0 ? line.risk[k] : NaN);
      }
      all.push(...y);
      far.push(...x);
      each.data = { x, y, name: x.map(() => (line ? `width ${line.width}` : "")) };
    });
    const [chosen, at] = [answer.curves[answer.chosen], lastUpTo(answer.steps, wish.step)];
    const shown = !chosen.diverges && answer.steps[at] > 0;
    now.data = shown
      ? { x: [place(chosen.width, answer.steps[at])], y: [chosen.risk[at]], name: [`step ${answer.steps[at]}`] }
      : { x: [], y: [], name: [] };
    const points = measured.filter((p) => p.step > 0);
    fill(runs, {
      x: points.map((p) => place(wish.width, p.step)), y: points.map((p) => p.mean), name: points.map(() => "SGD"),
      low: points.map((p) => Math.max(p.mean - 2 * p.stderr, p.mean / 10)), high: points.map((p) => p.mean + 2 * p.stderr),
    });
    const along = optima.filter((o) => o.interior);
    const drawn = axis === "compute" ? along : [];
    fill(best, { x: drawn.map((o) => o.compute), y: drawn.map((o) => o.risk), name: drawn.map((o) => `best width ${o.width.toFixed(1)}`) });
    ranges(risk, far, all);
    const label = axis === "compute" ? "compute = width × steps × batch" : "steps";
    if (risk.xaxes[0].axis_label !== label) risk.xaxes[0].axis_label = label;
    if (along.length || performance.now() - painted > REPAINT) {
      painted = performance.now();
      exponents(along, answer.phase, wish);
    }
  }

  const fit = (range, axis, wanted) => {
    if (!wanted || (range.start === wanted.start && range.end === wanted.end)) return;
    range.setv(wanted);
    const [low, high] = [wanted.start, wanted.end].map((value) => Math.round(Math.log10(value)));
    const every = Math.ceil((high - low) / 9);
    const ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, k) => 10 ** (low + k * every));
    axis.ticker = new Bokeh.FixedTicker({ ticks });
  };

  function ranges(chart, x, y) {
    fit(chart.x_range, chart.xaxes[0], decades(x));
    fit(chart.y_range, chart.yaxes[0], decades(y));
  }

  function exponents(along, phase, wish) {
    const x = along.map((o) => o.compute);
    eta.data = { x, y: along.map((o) => o.loss_exponent), name: x.map(() => "η, risk ~ compute^−η") };
    xi.data = { x, y: along.map((o) => o.width_exponent), name: x.map(() => "ξ, width ~ compute^ξ") };
    const ends = [1e4 * wish.batch, 1e12 * wish.batch];
    limits.data = { xs: [ends, ends], ys: [[phase.loss_exponent, phase.loss_exponent], [phase.width_exponent, phase.width_exponent]] };
    const top = Math.max(1, ...along.flatMap((o) => [o.loss_exponent, o.width_exponent]), phase.loss_exponent);
    slopes.x_range.setv({ start: ends[0] / 2, end: ends[1] * 2 });
    slopes.y_range.setv({ start: 0, end: Math.ceil(top * 5) / 5 });
  }
  return show;
}

export function lastUpTo(steps, step) {
  let at = 0;
  while (at + 1 < steps.length && steps[at + 1] <= step) at++;
  return at;
}
