"use strict";
(() => {
  const data = JSON.parse(document.getElementById("linked-data").textContent);
  const by = (id) => document.getElementById(id);
  const svg = (name, attributes = {}, children = []) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const html = (name, attributes = {}, children = []) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const now = { drive: 0, point: -1, grouping: 0, shown: "", trial: 0, time: 0 };
  const solid = data.axes.length === 3;
  const points = () => (data.drives[now.drive] || { points: [] }).points;
  const label = (point, i) => (point.memory ? `${point.memory}` : `${i + 1}`);

  // --- the portrait ---------------------------------------------------------------------------------------
  const plotly = window.Plotly;
  const place = by("portrait");
  const axis = ["x", "y", "z"].slice(0, data.axes.length);
  const coordinates = (rows) => Object.fromEntries(axis.map((name, k) => [name, rows.map((row) => (row ? row[k] : null))]));
  const trace = (rows, more) => ({ type: solid ? "scatter3d" : "scatter", hoverinfo: "skip", ...coordinates(rows), ...more });
  const ink = () => getComputedStyle(document.body).color;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const seen = (colour) => {  // colours chosen for white paper, lighter on a dark page
    if (!dark.matches || !/^#[0-9a-f]{6}$/i.test(colour)) return colour;
    const parts = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
    return `rgb(${parts.map((part) => Math.round(part + 0.45 * (255 - part))).join(",")})`;
  };

  const paths = () => {
    const grouping = data.groupings[now.grouping];
    const groups = new Map();
    data.trials.forEach((trial, k) => {
      const name = grouping ? grouping.labels[k] : "trials";
      if (now.shown && name !== now.shown) return;
      if (!groups.has(name)) groups.set(name, []);
      for (let t = 0; t < trial.steps.length; t++) groups.get(name).push(trial.path.map((one) => one[t]));
      groups.get(name).push(null);
    });
    return [...groups].map(([name, rows]) => trace(rows, { mode: "lines", name, opacity: 0.55, connectgaps: false,
      line: { width: solid ? 2 : 1, color: seen(grouping ? grouping.colours[name] : data.colours.trajectory) } }));
  };
  const marks = () => {
    const kinds = new Map();
    points().forEach((point, i) => {
      if (!kinds.has(point.kind)) kinds.set(point.kind, []);
      kinds.get(point.kind).push(i);
    });
    return [...kinds].map(([kind, which]) => {
      const first = points()[which[0]];
      const colour = first.colour === "#000000" ? ink() : first.colour;
      return trace(which.map((i) => points()[i].at), { mode: "markers", name: `${kind} (${which.length})`, customdata: which,
        text: which.map((i) => `${label(points()[i], i)}: ${points()[i].verdict}`), hoverinfo: "text",
        marker: { symbol: first.symbol, size: (solid ? 7 : 10) * first.size, color: colour, line: { width: 1, color: colour } } });
    });
  };
  const chosen = () => {
    const point = points()[now.point];
    if (!point) return [trace([], { mode: "markers", showlegend: false }), trace([], { mode: "lines", showlegend: false })];
    const lines = point.directions.flatMap((one) => [...one.ends, null]);
    const grows = point.directions.some((one) => one.unstable);
    const colour = grows ? data.colours.unstable : ink();
    return [
      trace([point.at], { mode: "markers", showlegend: false, marker: { symbol: "circle-open", size: solid ? 14 : 20, color: colour } }),
      trace(lines, { mode: "lines", name: grows ? "unstable direction" : "slowest direction", connectgaps: false, showlegend: lines.length > 0, line: { width: solid ? 6 : 3, color: colour } }),
    ];
  };
  const walked = () => {
    const trial = data.trials[now.trial];
    if (!trial) return [];
    const rows = trial.steps.slice(0, now.time + 1).map((_, t) => trial.path.map((one) => one[t]));
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    return [
      trace(rows, { mode: "lines", showlegend: false, line: { width: solid ? 5 : 3, color: colour } }),
      trace(rows.slice(-1), { mode: "markers", name: "the trial below", marker: { symbol: "circle", size: solid ? 6 : 11, color: colour } }),
    ];
  };
  const look = () => {
    const one = { showgrid: false, zeroline: false, showbackground: false, showspikes: false, showline: true, nticks: 5, ticks: "outside",
      linecolor: ink(), tickcolor: ink() };
    const axes = Object.fromEntries(axis.map((name, k) => [`${name}axis`, { ...one, title: { text: data.axes[k] } }]));
    const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink(), size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: solid ? { l: 0, r: 0, t: 0, b: 0 } : { l: 55, r: 10, t: 10, b: 45 }, uirevision: "kept",
      legend: { ...(place.clientWidth < 520 ? { orientation: "h", x: 0, y: 0, yanchor: "top" } : { x: 0, y: 1 }), bgcolor: "rgba(0,0,0,0)", itemsizing: "constant", font: { size: 11 } } };
    return solid ? { ...layout, scene: { ...axes, aspectmode: "cube", camera: { eye: { x: 1.6, y: 1.6, z: 1.0 }, center: { x: 0, y: 0, z: -0.12 } } } } : { ...layout, ...axes };
  };
  const portrait = () => {
    if (!plotly) return;
    plotly.react(place, [...paths(), ...marks(), ...chosen(), ...walked()], look(), { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["resetCameraLastSave3d"] });
  };

  // --- a point --------------------------------------------------------------------------------------------
  const symbols = {
    circle: (c) => svg("circle", { cx: 6, cy: 6, r: 4.5, fill: c }),
    "circle-open": (c) => svg("circle", { cx: 6, cy: 6, r: 4, fill: "none", stroke: c, "stroke-width": 2 }),
    diamond: (c) => svg("path", { d: "M6 .5 11.5 6 6 11.5 .5 6Z", fill: c }),
    square: (c) => svg("rect", { x: 2, y: 2, width: 8, height: 8, fill: c }),
    "square-open": (c) => svg("rect", { x: 2, y: 2, width: 8, height: 8, fill: "none", stroke: c, "stroke-width": 2 }),
    cross: (c) => svg("path", { d: "M4 1h4v3h3v4H8v3H4V8H1V4h3Z", fill: c }),
  };
  const swatch = (point) => svg("svg", { class: "swatch", viewBox: "0 0 12 12", "aria-hidden": "true" },
    [symbols[point.symbol](point.colour === "#000000" ? "currentColor" : point.colour)]);

  const spectrum = (point, flow) => {
    const values = point.eigenvalues.filter(([re, im]) => re !== null && im !== null);
    const reach = 1.15 * Math.max(flow ? 1e-9 : 1, ...values.flat().map(Math.abs));
    const at = (v) => 100 + (90 * v) / reach;
    const limit = flow ? svg("line", { x1: 100, x2: 100, y1: 5, y2: 195, class: "limit" }) : svg("circle", { cx: 100, cy: 100, r: 90 / reach, class: "limit" });
    const dots = values.map(([re, im]) => {
      const out = flow ? re > 0 : Math.hypot(re, im) > 1;
      return svg("circle", { cx: at(re), cy: 200 - at(im), r: 3.2, class: out ? "outside" : "inside", "data-re": re, "data-im": im });
    });
    return svg("svg", { class: "spectrum", viewBox: "0 0 200 200", role: "img", "aria-label": `${values.length} eigenvalues; the dashed line is where stability ends` }, [
      svg("line", { x1: 5, x2: 195, y1: 100, y2: 100, class: "axis" }), svg("line", { x1: 100, x2: 100, y1: 5, y2: 195, class: "axis" }), limit, ...dots,
      svg("text", { x: 5, y: 95 }, ["Re " + (flow ? "μ" : "λ")]), svg("text", { x: 104, y: 14 }, ["Im " + (flow ? "μ" : "λ")])]);
  };
  const pair = (name, value) => [html("dt", {}, [name]), html("dd", {}, [value])];
  const detail = () => {
    const panel = by("detail"), point = points()[now.point], flow = (data.drives[now.drive] || {}).flow;
    panel.replaceChildren();
    if (!point) {
      panel.append(html("p", { class: "note" }, [points().length ? "Click a point, or reach it by Tab and press Enter." : "No fixed point was found under this input."]));
      return;
    }
    panel.dataset.point = now.point;
    const title = `Point ${now.point + 1}: ${point.kind}` + (point.memory ? `, stands for “${point.memory}”` : "");
    const head = html("tr", {}, ["eigenvalue", "time constant", "period"].map((name) => html("th", {}, [name])));
    const rows = point.modes.map((mode) => html("tr", {}, mode.map((cell) => html("td", {}, [cell]))));
    const pulses = point.pulses.length ? pair("Pulses", html("span", {}, point.pulses.flatMap((said, k) => (k ? [html("br"), said] : [said])))) : [];
    const rest = point.left_out ? [html("p", { class: "note" }, [`${point.left_out} more eigenvalues are nearer to ${flow ? "−∞" : "0"}.`])] : [];
    panel.append(html("h3", {}, [title]), spectrum(point, flow), ...rest,
      html("table", {}, [html("thead", {}, [head]), html("tbody", {}, rows)]),
      html("dl", { class: "pairs" }, [...pair("Certificate", point.certificate), ...pulses]));
  };
  const choose = (i) => {
    now.point = i;
    [...by("points").children].forEach((button, k) => button.setAttribute("aria-pressed", k === i));
    detail();
    portrait();
  };
  const list = () => {
    by("points").replaceChildren(...points().map((point, i) => {
      const button = html("button", { type: "button", "aria-pressed": "false", title: point.kind }, [swatch(point), label(point, i)]);
      button.addEventListener("click", () => choose(i));
      return button;
    }));
    const drive = data.drives[now.drive];
    by("about").textContent = drive ? `${drive.input ? drive.input + ": " : ""}${drive.about}` : "";
    choose(points().length ? 0 : -1);
  };

  // --- a trial --------------------------------------------------------------------------------------------
  const W = 640, H = 46, LEFT = 64;
  const rowsOf = (trial) => {
    const several = (n, stem, k) => (n > 1 ? `${stem} ${k + 1}` : stem);
    const inputs = trial.inputs.map((values, k) => ({ name: several(trial.inputs.length, "input", k), lines: [["input", values]] }));
    const outputs = trial.outputs.map((values, k) => ({ name: several(trial.outputs.length, "output", k),
      lines: [...(trial.targets[k] ? [["target", trial.targets[k]]] : []), ["output", values]] }));
    return [...inputs, ...outputs];
  };
  const across = (trial, t) => LEFT + ((W - LEFT - 8) * t) / Math.max(1, trial.steps.length - 1);
  const path = (values, x, y) => {
    let pen = "M";
    return values.map((value, t) => {
      if (value === null) { pen = "M"; return ""; }
      const said = `${pen}${x(t).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      return said;
    }).join("");
  };
  const traces = () => {
    const trial = data.trials[now.trial];
    if (!trial) return by("traces").replaceChildren();
    const rows = rowsOf(trial);
    const drawn = rows.flatMap(({ name, lines }, r) => {
      const all = lines.flatMap(([, values]) => values).filter((v) => v !== null);
      const low = Math.min(...all, 0), high = Math.max(...all, 0), range = high - low || 1;
      const y = (value) => r * H + 6 + ((H - 12) * (high - value)) / range;
      return [svg("text", { x: 0, y: r * H + H / 2 + 4 }, [name]), svg("line", { x1: LEFT, x2: W - 8, y1: y(0), y2: y(0), class: "axis" }),
        ...lines.map(([kind, values]) => svg("path", { d: path(values, (t) => across(trial, t), y), class: kind }))];
    });
    const cursor = svg("line", { id: "cursor", y1: 0, y2: rows.length * H, class: "cursor" });
    by("traces").replaceChildren(svg("svg", { viewBox: `0 0 ${W} ${rows.length * H}`, width: "100%", role: "img",
      "aria-label": `Inputs and outputs of trial ${trial.number + 1}; targets dashed` }, [...drawn, cursor]));
  };
  const lit = () => {
    const trial = data.trials[now.trial];
    const node = trial ? trial.node[now.time] : -1;
    document.querySelectorAll("#graph [data-node]").forEach((one) => one.classList.toggle("on", +one.dataset.node === node));
    if (data.graph) by("at").textContent = node < 0 ? "The trial is between attractors here." : `The trial is at “${data.graph.nodes[node].name}” here: nearer to it than half way to any other attractor.`;
  };
  const moment = () => {
    const trial = data.trials[now.trial];
    if (!trial) return;
    const x = across(trial, now.time), cursor = by("cursor");
    if (cursor) { cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); }
    const step = trial.steps[now.time];
    by("step").textContent = data.dt ? `${step} (${+(step * data.dt).toPrecision(4)} ms)` : `${step}`;
    lit();
    portrait();
  };
  const follow = () => {
    const trial = data.trials[now.trial];
    if (!trial) return;
    by("time").max = trial.steps.length - 1;
    now.time = Math.min(now.time, trial.steps.length - 1);
    by("time").value = now.time;
    traces();
    moment();
  };

  // --- the automaton --------------------------------------------------------------------------------------
  const graph = () => {
    if (!data.graph) return by("graph").parentElement.remove();
    const { nodes, edges, colours } = data.graph;
    const xs = nodes.map((node) => node.at[0]), ys = nodes.map((node) => node.at[1]);
    const middle = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
    const scale = 105 / Math.max(0.5, (Math.max(...xs) - Math.min(...xs)) / 2, (Math.max(...ys) - Math.min(...ys)) / 2);
    const at = (node) => [150 + scale * (node.at[0] - middle[0]), 150 - scale * (node.at[1] - middle[1])];
    const radius = 11 + 3.2 * Math.max(1, ...nodes.map((node) => node.name.length));
    const many = new Map();
    const arrows = edges.map((edge) => {
      const pairName = `${edge.from} ${edge.to}`, turn = (many.get(pairName) || 0) + 1;
      many.set(pairName, turn);
      const [a, b] = [at(nodes[edge.from]), at(nodes[edge.to])];
      const d = [b[0] - a[0], b[1] - a[1]], length = Math.hypot(...d) || 1, bend = 0.14 * turn;
      const c = [(a[0] + b[0]) / 2 + bend * d[1], (a[1] + b[1]) / 2 - bend * d[0]];
      const off = (from, to, by_) => { const v = [to[0] - from[0], to[1] - from[1]], l = Math.hypot(...v) || 1; return [from[0] + (by_ * v[0]) / l, from[1] + (by_ * v[1]) / l]; };
      const start = off(a, c, Math.min(radius, length / 3)), end = off(b, c, Math.min(radius + 3, length / 3));
      const colour = seen(colours[edge.pulse]), v = [end[0] - c[0], end[1] - c[1]], l = Math.hypot(...v) || 1, u = [v[0] / l, v[1] / l];
      const tip = `M${end[0]} ${end[1]}L${end[0] - 8 * u[0] + 4 * u[1]} ${end[1] - 8 * u[1] - 4 * u[0]}L${end[0] - 8 * u[0] - 4 * u[1]} ${end[1] - 8 * u[1] + 4 * u[0]}Z`;
      return svg("g", {}, [svg("title", {}, [`${edge.pulse}: ${nodes[edge.from].name} to ${nodes[edge.to].name}`]),
        svg("path", { d: `M${start}Q${c} ${end}`, class: "edge", stroke: colour }), svg("path", { d: tip, fill: colour })]);
    });
    const pick = (k) => { const i = points().findIndex((point) => point.node === k); if (i >= 0) choose(i); };
    const rounds = nodes.map((node, k) => {
      const [x, y] = at(node);
      const group = svg("g", { tabindex: 0, role: "button", "aria-label": `attractor ${node.name}` }, [
        svg("circle", { cx: x, cy: y, r: radius, class: "node", "data-node": k }), svg("text", { x, y, "data-node": k }, [node.name])]);
      group.addEventListener("click", () => pick(k));
      group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(k); } });
      return group;
    });
    const key = Object.entries(colours).flatMap(([pulse, colour], k) => [svg("line", { x1: 4, x2: 22, y1: 312 + 16 * k, y2: 312 + 16 * k, stroke: seen(colour), "stroke-width": 2 }),
      svg("text", { x: 28, y: 312 + 16 * k, style: "text-anchor:start" }, [pulse])]);
    by("graph").replaceChildren(svg("svg", { viewBox: `0 0 300 ${310 + 16 * Object.keys(colours).length}`, role: "group", "aria-label": "Which pulse leads from which attractor to which" }, [...arrows, ...rounds, ...key]));
  };

  // --- the controls ---------------------------------------------------------------------------------------
  const options = (select, names) => select.replaceChildren(...names.map(([value, said]) => html("option", { value }, [said])));
  const groupings = () => {
    const grouping = data.groupings[now.grouping];
    by("shown-label").hidden = !grouping;
    if (grouping) options(by("shown"), [["", "all"], ...Object.keys(grouping.colours).map((name) => [name, name])]);
    now.shown = "";
  };
  options(by("drive"), data.drives.map((drive, k) => [k, drive.name]));
  options(by("grouping"), data.groupings.map((grouping, k) => [k, grouping.name]));
  options(by("trial"), data.trials.map((trial, k) => [k, data.groupings[0] ? `${trial.number + 1} (${data.groupings[0].labels[k]})` : `${trial.number + 1}`]));
  by("grouping-label").hidden = data.groupings.length < 2;
  by("drive").addEventListener("change", (event) => { now.drive = +event.target.value; list(); });
  by("grouping").addEventListener("change", (event) => { now.grouping = +event.target.value; groupings(); portrait(); });
  by("shown").addEventListener("change", (event) => { now.shown = event.target.value; portrait(); });
  by("trial").addEventListener("change", (event) => { now.trial = +event.target.value; follow(); });
  by("time").addEventListener("input", (event) => { now.time = +event.target.value; moment(); });
  let playing = 0;
  by("play").addEventListener("click", () => {
    if (playing) { clearInterval(playing); playing = 0; } else {
      const last = () => data.trials[now.trial].steps.length - 1;
      if (now.time >= last()) now.time = 0;
      playing = setInterval(() => {
        now.time = Math.min(now.time + 1, last());
        by("time").value = now.time;
        moment();
        if (now.time >= last()) by("play").click();
      }, 60);
    }
    by("play").setAttribute("aria-pressed", Boolean(playing));
    by("play").textContent = playing ? "Pause" : "Play";
  });
  if (!data.trials.length) document.querySelector(".trial-side").remove();

  by("explore").hidden = false;
  if (!plotly) {
    place.remove();
    by("without").hidden = false;
    by("without").textContent = "The portrait to turn needs plotly: pip install 'dynakit[interactive]', and save the report again. The one below stands still.";
  }
  groupings();
  graph();
  list();
  if (data.trials.length) follow();
  if (plotly) place.on("plotly_click", (event) => { const i = event.points.map((one) => one.customdata).find((one) => one !== undefined); if (i !== undefined) choose(+i); });
  dark.addEventListener("change", () => { graph(); lit(); portrait(); });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
