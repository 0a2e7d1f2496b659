// The ladder of a call: choosing a message, j and k, and growing while the call goes on.
//
// The server draws the ladder; when it tells of new messages this page is read again and its parts are taken over. So
// there is one drawing, and nothing from the wire passes through here.
import { recall } from "../page/store.js";

const READ_DELAY = 700; // ms until what was told is surely written
const MOST_READS = 6; // for one piece of news

export class Trace {
  topics = ["traces"];

  constructor(section) {
    this.section = section;
    this.wanted = 0; // messages that the server told of
    this.reads = 0;
    this.timer = null;
    section.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => this.pressed(event), true);
    this.followAddress();
    addEventListener("hashchange", () => this.followAddress());
  }

  // News

  snapshot() { this.readSoon(); }

  delta(message) {
    const facts = message.traces?.find((one) => String(one.id) === this.section.dataset.id);
    if (!facts) return;
    this.wanted = facts.messages;
    this.reads = 0;
    this.readSoon();
  }

  readSoon() {
    this.timer ??= setTimeout(() => { this.timer = null; this.read(); }, READ_DELAY);
  }

  read() {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname);
    request.responseType = "document"; // our own page: escaped by the server, and its scripts do not run
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response) this.takeOver(request.response);
    });
    request.send();
  }

  takeOver(page) {
    const count = (root) => Number(root.querySelector(".trace-pane")?.dataset.count ?? 0);
    const known = count(this.section);
    for (const part of page.querySelectorAll("[data-part]")) {
      const old = document.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!old) continue;
      if (old !== this.section) old.replaceChildren(...part.childNodes);
      else if (count(part) !== known) this.grow(part);
    }
    this.reads += 1;
    if (count(this.section) < this.wanted && this.reads < MOST_READS) this.readSoon();
  }

  grow(part) {
    const chosen = this.chosen?.dataset.message;
    const hasFocus = this.section.contains(document.activeElement) && document.activeElement.dataset.message;
    const open = [...this.section.querySelectorAll("details[open]")].map((one) => one.dataset.text);
    const scroll = [...this.section.querySelectorAll(".ladder-scroll, .message-list")].map((one) => [one.scrollTop, one.scrollLeft]);
    this.section.replaceChildren(...part.childNodes);
    for (const name of open) this.text(name)?.setAttribute("open", "");
    this.section.querySelectorAll(".ladder-scroll, .message-list").forEach((one, index) => {
      [one.scrollTop, one.scrollLeft] = scroll[index] ?? [0, 0];
    });
    this.arrow(chosen)?.setAttribute("aria-current", "true");
    if (hasFocus) this.arrow(hasFocus)?.focus({ preventScroll: true });
  }

  // Choosing

  get arrows() { return [...this.section.querySelectorAll("a.message[data-message]")]; }

  get chosen() { return this.section.querySelector("a.message[aria-current]"); }

  arrow(number) { return this.arrows.find((one) => one.dataset.message === String(number)); }

  text(number) { return [...this.section.querySelectorAll("details")].find((one) => one.dataset.text === String(number)); }

  choose(number) {
    const arrow = this.arrow(number);
    const text = this.text(number);
    if (!arrow || !text) return;
    for (const one of this.section.querySelectorAll("details[open]")) if (one !== text) one.open = false;
    text.open = true;
    this.chosen?.removeAttribute("aria-current");
    arrow.setAttribute("aria-current", "true");
    const list = text.parentElement;
    if (list.scrollHeight > list.clientHeight) list.scrollTop = text.offsetTop - list.offsetTop;
    else text.scrollIntoView({ block: "nearest" });
  }

  clicked(event) {
    const link = event.target.closest("a[data-message]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.choose(link.dataset.message);
    history.replaceState(null, "", `#message-${link.dataset.message}`);
  }

  followAddress() {
    const number = /^#message-(\d+)$/.exec(location.hash)?.[1];
    if (number) this.choose(number);
  }

  // j and k go from message to message, Enter opens: the keys of the lists, where a ladder is on the page.
  pressed(event) {
    if (!["j", "k"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
    if (recall("keys", "on") !== "on" || document.activeElement?.closest("table")) return;
    const arrows = this.arrows;
    if (!arrows.length) return;
    event.preventDefault();
    const at = arrows.indexOf(document.activeElement.closest("a.message") ?? this.chosen);
    const next = arrows[Math.min(arrows.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))];
    next.focus();
    if (this.section.querySelector("details[open]")) this.choose(next.dataset.message);
  }
}
