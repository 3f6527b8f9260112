// The plane of exponents: lines between the phases, and the point that is dragged or moved by the arrow keys.
const SVG = "http://www.w3.org/2000/svg";
const [LEFT, TOP, SIZE] = [42, 8, 250];
const LEAST_SUM = 0.52;

function add(parent, name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

export function makePlane(svg, plane, moved) {
  const [[a0, a1], [b0, b1]] = [plane.window.alpha, plane.window.beta];
  const toX = (alpha) => LEFT + (SIZE * (alpha - a0)) / (a1 - a0);
  const toY = (beta) => TOP + (SIZE * (b1 - beta)) / (b1 - b0);
  add(svg, "rect", { x: LEFT, y: TOP, width: SIZE, height: SIZE, class: "frame" });
  const corner = [[a0, b0], [0.5 - b0, b0], [a0, 0.5 - a0]].map(([a, b]) => `${toX(a)},${toY(b)}`).join(" ");
  add(svg, "polygon", { points: corner, class: "none" });
  for (const [[x0, y0], [x1, y1]] of Object.values(plane.lines)) {
    add(svg, "line", { x1: toX(x0), y1: toY(y0), x2: toX(x1), y2: toY(y1), class: "edge" });
  }
  for (const [name, [alpha, beta]] of Object.entries(plane.labels)) {
    const up = name === "IVb" ? 0.25 : 0; // its strip is narrower than its name
    add(svg, "text", { x: toX(alpha), y: toY(beta + up) + 4, class: "name" }, name);
  }
  add(svg, "text", { x: toX(0.38), y: toY(-0.45) }, "infinite risk");
  for (const value of [0, 0.5, 1, 1.5]) {
    add(svg, "text", { x: toX(value), y: TOP + SIZE + 14 }, String(value));
    add(svg, "text", { x: LEFT - 5, y: toY(value) + 4, class: "left" }, String(value));
  }
  add(svg, "text", { x: toX(0.75), y: TOP + SIZE + 28 }, "α, decay of the eigenvalues");
  add(svg, "text", { x: 0, y: 0, transform: `translate(10 ${toY(0.3)}) rotate(-90)` }, "β, decay of the target");
  const point = add(svg, "circle", { r: 9, class: "point", tabindex: 0, role: "slider", "aria-label": "alpha and beta" });

  function move(alpha, beta) {
    alpha = Math.min(Math.max(alpha, 0.05), 1.5);
    beta = Math.min(Math.max(beta, LEAST_SUM - alpha, -0.9), 1.5);
    moved(Math.round(alpha * 1000) / 1000, Math.round(beta * 1000) / 1000);
  }
  function follow(event) {
    const box = svg.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.left) * 300) / box.width, ((event.clientY - box.top) * 300) / box.height];
    move(a0 + ((x - LEFT) / SIZE) * (a1 - a0), b1 - ((y - TOP) / SIZE) * (b1 - b0));
  }
  let dragging = false;
  svg.addEventListener("pointerdown", (event) => {
    dragging = true;
    svg.setPointerCapture(event.pointerId);
    follow(event);
    point.focus();
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => dragging && follow(event));
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => (dragging = false));

  const at = { alpha: 1, beta: 1 };
  const keys = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  point.addEventListener("keydown", (event) => {
    if (!(event.key in keys)) return;
    const [dx, dy] = keys[event.key].map((unit) => unit * (event.shiftKey ? 0.1 : 0.01));
    move(at.alpha + dx, at.beta + dy);
    event.preventDefault();
  });
  return (alpha, beta) => {
    Object.assign(at, { alpha, beta });
    point.setAttribute("cx", toX(alpha));
    point.setAttribute("cy", toY(beta));
    point.setAttribute("aria-valuenow", alpha);
    point.setAttribute("aria-valuetext", `alpha ${alpha}, beta ${beta}`);
  };
}
