// Small parts that make and change elements. Texts go in as text, never as HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

export function makeSvg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Rows of a <dl>: [name, text] each; those without a text are left out.
export function fillRows(list, rows) {
  const shown = rows.filter(([, text]) => text !== null && text !== undefined && text !== "");
  list.replaceChildren(...shown.flatMap(([name, text]) => [make("dt", { textContent: name }), make("dd", { textContent: text })]));
}

export function formatTime(text) {
  return new Date(text).toLocaleTimeString();
}

export function formatAge(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export async function send(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.status === 401) location.replace("/login");
    return response.ok ? answer : { error: answer.error || `status ${response.status}`, problems: answer.problems };
  } catch {
    return { error: "the device does not answer" };
  }
}
