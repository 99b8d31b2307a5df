// The page: live picture, shapes, tuning, and what the device publishes.

import { byId, make, send } from "./dom.js";
import { clearLists, showEvent, showHealth, showLogLine, showModel } from "./panels.js";
import { ShapeEditor } from "./shapes.js";

const PICTURE_PAUSE_MS = 700;
const REFUSED_PAUSE_MS = 3000;
const SCORES_MS = 5000;

let settings = null;
let info = null;
let camera = null;
// The newest change that is not saved, of each part of the settings: 0 where the page shows what is stored.
const unsaved = { shapes: 0, threshold: 0, gate: 0 };
let changes = 0;
let saving = Promise.resolve();
let isThresholdSet = false;
let scores = [];
const states = new Map();

const editor = new ShapeEditor(byId("overlay"), byId("shape-list"), () => {
  noteChange("shapes");
  showButtons();
});

function noteChange(part) {
  changes += 1;
  unsaved[part] = changes;
}

function discardChanges() {
  for (const part of Object.keys(unsaved)) unsaved[part] = 0;
}

function showButtons() {
  const canEdit = Boolean(settings?.can_edit);
  byId("save").disabled = !canEdit || !unsaved.shapes || Boolean(editor.drawn);
  byId("revert").disabled = !unsaved.shapes;
  byId("finish").hidden = !editor.drawn;
  byId("finish").disabled = !editor.drawn || editor.drawn.points.length < 3;
  byId("rectangle").hidden = !editor.drawn;
  byId("new-shape").hidden = !canEdit || Boolean(editor.drawn);
  for (const id of ["try-threshold", "save-threshold", "gate"]) byId(id).disabled = !canEdit;
}

async function loadSettings() {
  const answer = await send("GET", "/api/settings");
  if (answer.error) {
    byId("saved").textContent = answer.error;
    return;
  }
  settings = answer;
  document.title = `${settings.device}: edged`;
  byId("device").textContent = settings.device;
  const names = Object.keys(settings.cameras);
  if (!names.includes(camera)) {
    discardChanges();
    camera = names[0];
  }
  byId("cameras").replaceChildren(...(names.length > 1 ? names.map(makeCameraButton) : []));
  showCamera();
}

function makeCameraButton(name) {
  const button = make("button", { type: "button", textContent: name });
  button.setAttribute("aria-pressed", name === camera);
  button.addEventListener("click", () => {
    if (unsaved.shapes && !confirm("Discard the changes that are not saved?")) return;
    discardChanges();
    camera = name;
    scores = [];
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", one === button);
    showCamera();
    takePicture();
  });
  return button;
}

// What a person has changed and not saved stays as it is.
function showCamera() {
  const own = settings.cameras[camera];
  byId("view-title").textContent = `Camera ${camera}`;
  editor.canEdit = settings.can_edit;
  if (!unsaved.shapes) editor.setShapes(listShapes(own));
  if (!unsaved.threshold) {
    isThresholdSet = own.threshold !== null;
    byId("threshold").value = own.threshold ?? 0.5;
  }
  if (!unsaved.gate) byId("gate").checked = own.gate === "motion";
  showScores();
  showAspect();
  if (states.has(camera)) showState(states.get(camera));
  showButtons();
}

function listShapes(own) {
  return ["zone", "mask"].flatMap((kind) =>
    Object.entries(own[kind]).map(([name, shape]) => ({
      kind,
      name,
      points: shape.points.map((point) => [...point]),
      enabled: shape.enabled,
      labels: shape.labels ?? null,
    })),
  );
}

function makeEdit(shapes, extra) {
  const edit = { version: settings.version, zone: {}, mask: {}, ...extra };
  for (const shape of shapes) {
    const fields = { points: shape.points, enabled: shape.enabled };
    if (shape.kind === "zone" && shape.labels) fields.labels = shape.labels;
    edit[shape.kind][shape.name] = fields;
  }
  return edit;
}

// One after the other: each save needs the version of the settings that the one before has made.
function save(part, status, extra = {}) {
  const job = { part, status, extra, camera, change: unsaved[part], shapes: part === "shapes" ? [...editor.shapes] : null };
  saving = saving.then(() => saveNow(job));
}

async function saveNow({ part, status, extra, camera: saved, change, shapes }) {
  status.textContent = "Saving …";
  const edit = makeEdit(shapes ?? listShapes(settings.cameras[saved]), extra);
  const answer = await send("PUT", `/api/cameras/${encodeURIComponent(saved)}/settings`, edit);
  if (answer.error) {
    status.textContent = `Not saved: ${answer.error}`;
    return;
  }
  status.textContent = answer.in_force ? `Saved, and in force.${answer.note ? ` (${answer.note})` : ""}` : `Saved, but not in force: ${answer.note}`;
  if (unsaved[part] === change) unsaved[part] = 0;
  await loadSettings();
}

byId("new-shape").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("new-name").value;
  const kind = event.submitter.value;
  if (editor.has(kind, name)) {
    byId("saved").textContent = `There is a ${kind} ${name} already.`;
    return;
  }
  byId("saved").textContent = `Click the corners of ${name} into the picture; Enter finishes.`;
  event.target.reset();
  editor.begin(kind, name);
  byId("finish").focus();
  showButtons();
});
byId("finish").addEventListener("click", () => editor.finish());
byId("rectangle").addEventListener("click", () => editor.useRectangle());
byId("save").addEventListener("click", () => save("shapes", byId("saved")));
byId("revert").addEventListener("click", () => {
  byId("saved").textContent = "";
  unsaved.shapes = 0;
  loadSettings();
});

// ---- Tuning

function showScores() {
  const threshold = Number(byId("threshold").value);
  byId("threshold-value").textContent = isThresholdSet ? threshold.toFixed(2) : "as the model has it";
  const now = Date.now();
  scores = scores.filter((one) => one.time > now - SCORES_MS);
  byId("scores").replaceChildren(
    ...scores.map((one) => {
      const dot = make("span", { title: `${one.label} ${one.score.toFixed(2)}`, className: one.score < threshold ? "below" : "" });
      dot.style.left = `${Math.min(1, Math.max(0, (one.score - 0.05) / 0.9)) * 100}%`;
      return dot;
    }),
  );
}

byId("threshold").addEventListener("input", () => {
  isThresholdSet = true;
  noteChange("threshold");
  showScores();
});
byId("try-threshold").addEventListener("click", async () => {
  const score = Number(byId("threshold").value);
  const answer = await send("POST", "/api/commands/threshold", { camera, score });
  byId("tuned").textContent = answer.error ? `Not in force: ${answer.error}` : `In force until the next restart: ${score.toFixed(2)}.`;
});
byId("save-threshold").addEventListener("click", () => save("threshold", byId("tuned"), { threshold: Number(byId("threshold").value) }));
byId("gate").addEventListener("change", () => {
  noteChange("gate");
  save("gate", byId("tuned"), { gate: byId("gate").checked ? "motion" : "off" });
});

// ---- The live picture

let pictureTimer = 0;
let isTaking = false;

async function takePicture() {
  clearTimeout(pictureTimer);
  if (isTaking || !camera || document.hidden) return;
  isTaking = true;
  const asked = camera;
  let pause = PICTURE_PAUSE_MS;
  try {
    const response = await fetch(`/api/cameras/${encodeURIComponent(asked)}/picture?boxes=${byId("boxes").checked ? 1 : 0}`);
    if (response.ok) await showPicture(await response.blob());
    else {
      showNoPicture((await response.json()).error);
      pause = REFUSED_PAUSE_MS;
    }
  } catch {
    pause = REFUSED_PAUSE_MS;
  }
  isTaking = false;
  pictureTimer = setTimeout(takePicture, asked === camera ? pause : 0);
}

async function showPicture(blob) {
  const picture = byId("picture");
  const before = picture.src;
  picture.src = URL.createObjectURL(blob);
  await picture.decode();
  if (before) URL.revokeObjectURL(before);
  picture.hidden = false;
  picture.dataset.count = Number(picture.dataset.count || 0) + 1;
  byId("no-picture").hidden = true;
  editor.setAspect(picture.naturalWidth, picture.naturalHeight);
}

function showNoPicture(reason) {
  byId("picture").hidden = true;
  byId("no-picture").hidden = false;
  byId("no-picture").textContent = `No picture: ${reason}`;
}

document.addEventListener("visibilitychange", takePicture);
byId("boxes").addEventListener("change", takePicture);
byId("shapes").addEventListener("change", () => {
  byId("overlay").toggleAttribute("hidden", !byId("shapes").checked);
});

// ---- What the device publishes

function showInfo(message) {
  info = message;
  showAspect();
}

// The size of the camera's frames, so that shapes have their form before the first picture.
function showAspect() {
  const entry = info?.cameras.find((one) => one.name === camera);
  if (!entry?.width) return;
  byId("stage").style.aspectRatio = `${entry.width} / ${entry.height}`;
  editor.setAspect(entry.width, entry.height);
}

function showState(state) {
  states.set(state.camera, state);
  if (state.camera !== camera) return;
  const counts = Object.entries(state.counts).map(([label, count]) => `${count} ${label}`);
  byId("scene").textContent = state.online ? counts.join(", ") || "Nothing in view." : "The camera delivers no frames.";
  byId("motion").textContent = state.motion ? "Something moves now." : "Nothing moves now.";
}

function showDetections(message) {
  if (message.camera !== camera) return;
  const time = Date.now();
  for (const one of message.detections) scores.push({ time, label: one.label, score: one.score });
  scores = scores.slice(-100);
  showScores();
}

function dispatch(topic, message) {
  if (topic === "health") showHealth(message);
  else if (topic === "info") showInfo(message);
  else if (topic === "model") showModel(message);
  else if (topic === "log") showLogLine(message);
  else if (topic.endsWith("/events")) showEvent(message);
  else if (topic.endsWith("/state")) showState(message);
  else if (topic.endsWith("/detections")) showDetections(message);
}

function connect() {
  const stream = new EventSource("/api/stream");
  stream.addEventListener("open", () => {
    byId("connection").hidden = true;
    clearLists();
  });
  stream.addEventListener("message", (event) => {
    const { topic, message } = JSON.parse(event.data);
    dispatch(topic, message);
  });
  stream.addEventListener("error", () => {
    byId("connection").hidden = false;
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  });
}

byId("logout").addEventListener("click", async () => {
  await send("POST", "/logout");
  location.replace("/login");
});

await loadSettings();
byId("logout").hidden = !settings?.has_token;
connect();
takePicture();
