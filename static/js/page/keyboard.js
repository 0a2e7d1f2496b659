// The keyboard map. Single keys can be switched off in the help (WCAG 2.1.4); Esc and Tab always work.
import { recall, remember } from "./store.js";

const PLACES = { o: "overview", r: "registrations", c: "calls", u: "users", d: "domains", t: "routing", s: "security", y: "system" };
const PREFIX_INTERVAL = 1500; // ms in which the second key of "g r" must come

let prefixAt = -PREFIX_INTERVAL;
const isOn = () => recall("keys", "on") === "on";

function go(key) {
  const link = document.querySelector(`.rail [data-page="${PLACES[key]}"]`);
  if (link) link.click();
}

function focusFirst(selector) {
  const element = [...document.querySelectorAll(selector)].find((one) => one.offsetParent !== null);
  element?.focus();
  return Boolean(element);
}

function click(selector) {
  const element = [...document.querySelectorAll(selector)].find((one) => one.offsetParent !== null && !one.disabled);
  element?.click();
  return Boolean(element);
}

// j and k go from row to row: the focus is on what the row opens.
function step(by) {
  const table = document.activeElement?.closest("table.grid") ?? document.querySelector("main table.grid");
  if (!table) return false;
  const targets = [...table.querySelectorAll("tbody tr")]
    .map((row) => row.querySelector("[data-open], th a, td a, [data-row-focus]")).filter(Boolean);
  const current = targets.findIndex((target) => target.closest("tr") === document.activeElement?.closest("tr"));
  const next = targets[current < 0 ? (by > 0 ? 0 : targets.length - 1) : current + by];
  next?.focus();
  return Boolean(next);
}

const ACTIONS = {
  "/": () => focusFirst("#search"),
  f: () => focusFirst("[data-key=f], main input[type=search]"),
  j: () => step(1),
  k: () => step(-1),
  e: () => click("[data-key=e]") || focusFirst("main form.card input:not([type=hidden]):not([disabled])"),
  n: () => click("[data-key=n]"),
  p: () => click("[data-pause]"),
  "?": () => { openHelp(); return true; },
};

function openHelp() {
  const dialog = document.querySelector("[data-key-help]");
  if (dialog && !dialog.open) dialog.showModal();
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && isTyping) {
    event.target.blur();
    return;
  }
  if (isTyping || document.querySelector("dialog[open]") || !isOn()) return;
  if (performance.now() - prefixAt < PREFIX_INTERVAL && event.key in PLACES) {
    prefixAt = -PREFIX_INTERVAL;
    event.preventDefault();
    go(event.key);
  } else if (event.key === "g") {
    prefixAt = performance.now();
  } else if (ACTIONS[event.key]?.()) {
    event.preventDefault();
  }
}

export function startKeyboard() {
  document.addEventListener("keydown", pressed);
  document.querySelectorAll("[data-open-keys]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", openHelp);
  });
  const dialog = document.querySelector("[data-key-help]");
  const toggle = dialog?.querySelector("[data-keys-on]");
  if (toggle) {
    toggle.checked = isOn();
    toggle.addEventListener("change", () => remember("keys", toggle.checked ? null : "off"));
  }
  dialog?.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
}
