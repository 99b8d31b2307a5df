// The zones and masks over the picture: shown, drawn and changed with the pointer or the keyboard.

import { make, makeSvg } from "./dom.js";

const WIDTH = 1000;
const CORNER_PX = matchMedia("(pointer: coarse)").matches ? 14 : 9;
const NAME_PX = 15;
const STEP = 0.01;
const LARGE_STEP = 0.05;
const MIN_CORNERS = 3;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value) => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));

export class ShapeEditor {
  // svg: the overlay; list: shows the shapes by name; onChange: called after each change by a person.
  constructor(svg, list, onChange) {
    this.svg = svg;
    this.list = list;
    this.onChange = onChange;
    this.shapes = [];
    this.chosen = null;
    this.drawn = null;
    this.height = 750;
    this.canEdit = true;
    this.svg.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    this.svg.addEventListener("dblclick", () => this.finish());
    new ResizeObserver(() => this.render()).observe(svg);
    document.addEventListener("keydown", (event) => {
      if (!this.drawn) return;
      if (event.key === "Enter") this.finish();
      if (event.key === "Escape") this.cancel();
    });
  }

  // The shapes: {kind, name, points, enabled, labels, file} each.
  setShapes(shapes) {
    this.shapes = shapes;
    this.chosen = shapes.find((one) => this.chosen && one.kind === this.chosen.kind && one.name === this.chosen.name) || null;
    this.drawn = null;
    this.render();
  }

  setAspect(width, height) {
    const scaled = Math.round((WIDTH * height) / width);
    if (scaled !== this.height) {
      this.height = scaled;
      this.render();
    }
  }

  // So many pixels of the screen, in units of the drawing.
  scale(pixels) {
    return (pixels * WIDTH) / (this.svg.clientWidth || WIDTH);
  }

  has(kind, name) {
    return this.shapes.some((one) => one.kind === kind && one.name === name);
  }

  begin(kind, name) {
    this.drawn = { kind, name, points: [], enabled: true, labels: null, file: "" };
    this.chosen = this.drawn;
    this.render();
  }

  // A shape that is drawn becomes one of the others, once it has three corners.
  finish() {
    if (!this.drawn || this.drawn.points.length < MIN_CORNERS) return false;
    this.shapes.push(this.drawn);
    this.drawn = null;
    this.changed();
    return true;
  }

  cancel() {
    this.drawn = this.chosen = null;
    this.render();
    this.onChange();
  }

  useRectangle() {
    this.drawn.points = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]];
    this.finish();
    this.svg.querySelector(".corner")?.focus();
  }

  onPointerDown(event) {
    if (!this.drawn || event.target.classList.contains("corner")) return;
    event.preventDefault();
    this.drawn.points.push(this.locate(event));
    this.render();
    this.onChange();
  }

  locate(event) {
    const frame = this.svg.getBoundingClientRect();
    return [clamp((event.clientX - frame.left) / frame.width), clamp((event.clientY - frame.top) / frame.height)];
  }

  changed() {
    this.render();
    this.onChange();
  }

  render() {
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${this.height}`);
    this.svg.classList.toggle("drawing", Boolean(this.drawn));
    const focused = document.activeElement?.dataset?.corner;
    this.svg.replaceChildren();
    for (const shape of this.drawn ? [...this.shapes, this.drawn] : this.shapes) this.renderShape(shape);
    if (this.chosen && this.canEdit) this.renderCorners(this.chosen);
    if (focused !== undefined) this.svg.querySelector(`[data-corner="${focused}"]`)?.focus();
    this.renderList();
  }

  renderShape(shape) {
    const points = shape.points.map(([x, y]) => `${x * WIDTH},${y * this.height}`).join(" ");
    const outline = makeSvg(shape === this.drawn ? "polyline" : "polygon", {
      points,
      class: `shape ${shape.kind}${shape.enabled ? "" : " off"}${shape === this.chosen ? " chosen" : ""}`,
    });
    outline.addEventListener("click", () => {
      if (!this.drawn) this.choose(shape);
    });
    this.svg.append(outline);
    if (shape.points.length) {
      const [x, y] = shape.points[0];
      const name = makeSvg("text", {
        x: x * WIDTH + this.scale(4),
        y: y * this.height + this.scale(NAME_PX),
        class: "name",
        "font-size": this.scale(NAME_PX),
      });
      name.textContent = shape.name;
      this.svg.append(name);
    }
  }

  renderCorners(shape) {
    shape.points.forEach(([x, y], index) => {
      const corner = makeSvg("circle", {
        cx: x * WIDTH,
        cy: y * this.height,
        r: this.scale(CORNER_PX),
        class: "corner",
        tabindex: 0,
        role: "button",
        "data-corner": index,
        "aria-label": `Corner ${index + 1} of ${shape.name}: arrow keys move it, Insert adds one after it, Delete removes it`,
      });
      corner.addEventListener("pointerdown", (event) => this.drag(event, corner, shape, index));
      corner.addEventListener("keydown", (event) => this.onCornerKey(event, shape, index));
      this.svg.append(corner);
    });
  }

  drag(event, corner, shape, index) {
    if (shape === this.drawn) {
      if (index === 0) this.finish();
      return;
    }
    event.preventDefault();
    corner.focus();
    const move = (moved) => {
      shape.points[index] = this.locate(moved);
      this.render();
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      this.changed();
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end, { once: true });
    window.addEventListener("pointercancel", end, { once: true });
  }

  onCornerKey(event, shape, index) {
    const move = MOVES[event.key];
    const [x, y] = shape.points[index];
    if (move) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      shape.points[index] = [clamp(x + move[0] * step), clamp(y + move[1] * step)];
    } else if (event.key === "Insert" || event.key === "+") {
      const [nextX, nextY] = shape.points[(index + 1) % shape.points.length];
      shape.points.splice(index + 1, 0, [clamp((x + nextX) / 2), clamp((y + nextY) / 2)]);
    } else if ((event.key === "Delete" || event.key === "Backspace") && shape.points.length > MIN_CORNERS) {
      shape.points.splice(index, 1);
    } else {
      return;
    }
    event.preventDefault();
    this.changed();
  }

  choose(shape) {
    this.chosen = this.chosen === shape ? null : shape;
    this.render();
  }

  renderList() {
    this.list.replaceChildren(...this.shapes.map((shape) => this.makeEntry(shape)));
    if (!this.shapes.length) this.list.append(make("li", { textContent: "None yet." }));
  }

  makeEntry(shape) {
    const choose = make("button", { type: "button", className: "choose", textContent: `${shape.name} (${shape.kind})` });
    choose.setAttribute("aria-pressed", shape === this.chosen);
    choose.addEventListener("click", () => this.choose(shape));
    const enabled = make("input", { type: "checkbox", checked: shape.enabled, disabled: !this.canEdit });
    enabled.addEventListener("change", () => {
      shape.enabled = enabled.checked;
      this.changed();
    });
    const remove = make("button", { type: "button", textContent: "Remove", disabled: !this.canEdit });
    remove.setAttribute("aria-label", `Remove ${shape.kind} ${shape.name}`);
    remove.addEventListener("click", () => {
      this.shapes = this.shapes.filter((one) => one !== shape);
      if (this.chosen === shape) this.chosen = null;
      this.changed();
    });
    return make("li", {}, choose, make("label", {}, enabled, " on"), remove);
  }
}
