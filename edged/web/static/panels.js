// Health, events, model and log in words.

import { byId, fillRows, formatAge, formatTime, make } from "./dom.js";

const MAX_EVENTS = 30;
const MAX_LINES = 500;
const PICTURE_RETRY_MS = 3000;
const OVERALL = { ok: "Everything works.", degraded: "Works, with problems.", failed: "Does not work." };
const STEPS = {
  fetching: "is being fetched",
  staged: "was fetched, and its signatures are being checked",
  verified: "is signed correctly, and is being tested",
  "self-tested": "has passed its self-test, and waits for its trial",
  trial: "is on trial on live frames",
};
const OUTCOMES = { committed: "committed", "rolled-back": "rolled back", rejected: "rejected" };

export function showHealth(health) {
  const overall = byId("overall");
  const count = health.degradations.length;
  overall.className = health.overall;
  overall.textContent = count > 1 ? `${OVERALL[health.overall].slice(0, -1)}: ${count} problems.` : OVERALL[health.overall];
  byId("conditions").replaceChildren(
    ...health.degradations.map((one) =>
      make("li", { className: one.severity }, make("strong", { textContent: `${one.name}: ` }), `${one.detail} (since ${formatTime(one.since)})`),
    ),
  );
  const waiting = health.spool.depth;
  fillRows(byId("facts"), [
    ["Running for", formatAge(health.uptime_s)],
    ["Temperature", health.soc_temperature_c === null ? "" : `${health.soc_temperature_c} °C`],
    ["Memory", health.memory && `${Math.round(health.memory.available_mb)} of ${Math.round(health.memory.total_mb)} MiB free`],
    ["Disk", health.disk && `${health.disk.free_mb} of ${health.disk.total_mb} MiB free`],
    ["Messages", waiting ? `${waiting} wait for the broker` : "none waits for the broker"],
    ["Broker", health.link.last_error || (health.link.connects ? "connected" : "not connected yet")],
    ["Workers replaced", health.worker_restarts ? `${health.worker_restarts}: ${health.last_worker_loss}` : ""],
    ...Object.entries(health.cameras).map(([name, camera]) => [`Camera ${name}`, describeCamera(camera)]),
  ]);
}

function describeCamera(camera) {
  if (!camera.online) return "delivers no frames";
  const total = camera.latency_s.total;
  const late = total ? `, 95 of 100 within ${Math.round(total.p95 * 1000)} ms` : "";
  return `${camera.fps_in.toFixed(1)} frames per second, the model runs on ${camera.fps_inferred.toFixed(1)}${late}`;
}

// The entries of the list of events, by object; the newest message is the last.
const entries = new Map();

export function showEvent(event) {
  const entry = entries.get(event.id) || makeEntry();
  entries.delete(event.id);
  entries.set(event.id, entry);
  entry.text.textContent = describeEvent(event);
  if (event.snapshot) showEventPicture(entry, event);
  byId("events").prepend(entry.item);
  if (entries.size > MAX_EVENTS) {
    const [oldest, { item }] = entries.entries().next().value;
    entries.delete(oldest);
    item.remove();
  }
}

function makeEntry() {
  const text = make("span");
  return { item: make("li", {}, text), text, picture: null, askedAt: 0, type: "" };
}

function describeEvent(event) {
  const where = event.entered_zones.length ? ` in ${event.entered_zones.join(", ")}` : "";
  const what = event.type === "end" ? `left after ${formatAge(event.duration_s)}` : `here for ${formatAge(event.duration_s)}`;
  return `${formatTime(event.started)} ${event.camera}: ${event.label} (${Math.round(event.top_score * 100)} %)${where}, ${what}`;
}

// The picture is asked for until there is one, and once more at the end, when it is the best one.
function showEventPicture(entry, event) {
  const isEnd = event.type === "end" && entry.type !== "end";
  entry.type = event.type;
  if (!isEnd && (entry.picture || Date.now() - entry.askedAt < PICTURE_RETRY_MS)) return;
  entry.askedAt = Date.now();
  const picture = make("img", { alt: event.label });
  picture.addEventListener("load", () => {
    entry.picture?.remove();
    entry.picture = picture;
    entry.item.prepend(picture);
  });
  picture.src = `/api/events/${encodeURIComponent(event.id)}/picture?at=${entry.askedAt}`;
}

export function showModel(model) {
  const last = model.last;
  fillRows(byId("model"), [
    ["Installed", model.installed ? `${model.installed.name} (${model.installed.family || "family unknown"})` : "none"],
    ["Before it", model.previous?.name],
    ["Last update", last && describeResult(last)],
    ["Channel", model.channel && `desired state ${model.channel.sequence}${model.channel.stale ? ", stale" : ""}`],
    ["Failure", model.last_failure && `${model.last_failure.name}: ${model.last_failure.reason}`],
  ]);
  const candidate = model.candidate;
  byId("trial").hidden = !candidate;
  if (!candidate) return;
  const name = candidate.version?.name || "A new model";
  const blocked = candidate.blocked_reason ? ` It waits: ${candidate.blocked_reason}` : "";
  byId("trial-text").textContent = `${name} ${STEPS[candidate.state]} (${Math.round(candidate.progress * 100)} %).${blocked}`;
  byId("trial-progress").value = candidate.progress;
}

function describeResult(last) {
  const reason = last.reason ? `: ${last.reason}` : "";
  return `${last.title || "a bundle"} was ${OUTCOMES[last.outcome]} at ${new Date(last.time).toLocaleString()}${reason}`;
}

export function showLogLine(line) {
  const log = byId("log");
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.append(make("li", { className: line.level, textContent: `${formatTime(line.time)} ${line.level} ${line.text}` }));
  if (log.children.length > MAX_LINES) log.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

export function clearLists() {
  entries.clear();
  byId("events").replaceChildren();
  byId("log").replaceChildren();
}
