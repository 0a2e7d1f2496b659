// Live registrations: one row group per address-of-record, its contacts within. Ten thousand of them are kept in
// memory, those in view are drawn. Rows stay where they are while the pointer or the focus is on the table.
import { fillBinding, isBehindNat, isGone } from "./bindings.js";
import { $, flash, fromTemplate } from "./cells.js";
import { serverTime } from "./countdown.js";
import { address, clip } from "./text.js";
import { Window } from "./window.js";

const SORT_INTERVAL = 1000; // ms between two sortings: an order that changes faster cannot be read
const FILTER_DELAY = 150; // ms after the last key before the filter is applied
const SERVER_DELAY = 400; // ms before the server is asked, where it holds more than this page does
const MOST = 20_000; // contacts that the server sends at most
const SOON = 60; // s
const FLAPPING = 6; // changes of one registration within an hour

const best = (group) => group.rows[0];
const KEYS = {
  aor: (group) => group.key,
  name: (group) => group.name.toLowerCase() || "\uffff",
  expires: (group) => Math.min(...group.rows.map((facts) => facts.expires_at)),
  source: (group) => best(group).received_from ?? "",
  device: (group) => String(best(group).user_agent ?? "").toLowerCase(),
  recent: (group) => -Math.max(...group.rows.map((facts) => facts.refreshed_at ?? 0)),
};
const CHIPS = {
  nat: (facts) => isBehindNat(facts),
  soon: (facts) => facts.expires_at - serverTime() < SOON,
  secure: (facts) => ["tls", "wss"].includes(String(facts.transport).toLowerCase()),
  flapping: (facts, group) => group.changes >= FLAPPING,
};

export class Registrations {
  topics = ["bindings"];

  constructor(table) {
    this.table = table;
    this.text = (table.dataset.q || "").toLowerCase();
    this.groups = new Map(); // address-of-record -> {aor, key, name, changes, byId, rows}
    this.order = []; // groups that match, in the order shown
    this.bodies = new Map(); // address-of-record -> its tbody, of those drawn
    this.sort = { name: "aor", isDown: false };
    this.chips = new Set();
    this.contacts = 0;
    this.isDirty = false;
    this.window = new Window(table, { draw: (groups) => this.drawWindow(groups), size: (group) => group.rows.length });
    this.startFilter();
    this.startChips();
    this.startSorting();
    for (const event of ["pointerleave", "focusout"]) table.addEventListener(event, () => setTimeout(() => this.settle(), 0));
    setInterval(() => this.settle(), SORT_INTERVAL);
  }

  // --- What is known ---

  snapshot(message) {
    this.groups.clear();
    this.contacts = 0;
    for (const facts of message.bindings ?? []) this.keep(facts);
    for (const [aor, changes] of Object.entries(message.flapping ?? {})) {
      const group = this.groups.get(aor);
      if (group) group.changes = changes;
    }
    this.isTruncated = (message.bindings?.length ?? 0) >= MOST;
    this.arrange();
  }

  delta(message) {
    let isNew = false;
    const changed = new Set();
    for (const facts of message.bindings ?? []) {
      isNew = this.keep(facts) || isNew;
      changed.add(facts.aor);
    }
    if (!changed.size) return;
    // With another order than by address, a refresh may move a row; it waits for the next sorting.
    this.isDirty = this.isDirty || isNew || this.sort.name !== "aor" || this.chips.size > 0;
    if (isNew && !this.isHeld) this.arrange();
    for (const aor of changed) this.patch(aor, message.bindings);
    this.count();
  }

  // True when a group or a contact came or went, so that the order is no longer right.
  keep(facts) {
    let group = this.groups.get(facts.aor);
    const isKnown = group?.byId.has(facts.id) ?? false;
    if (isGone(facts)) {
      if (!isKnown) return false;
      group.byId.delete(facts.id);
      group.changes += 1;
      this.contacts -= 1;
      if (!group.byId.size) this.groups.delete(facts.aor);
    } else {
      if (!group) {
        group = { aor: facts.aor, key: sortKey(facts.aor), name: "", changes: 0, byId: new Map(), rows: [] };
        this.groups.set(facts.aor, group);
      }
      if (facts.name) group.name = facts.name;
      if (facts.change === "added") group.changes += 1;
      group.byId.set(facts.id, facts);
      if (!isKnown) this.contacts += 1;
    }
    group.rows = [...group.byId.values()].sort((one, other) => other.q - one.q || other.refreshed_at - one.refreshed_at);
    return !isKnown || isGone(facts);
  }

  matches(group) {
    if (this.text && !(group.key.includes(this.text) || group.rows.some((facts) => this.textMatches(facts, group)))) return false;
    for (const chip of this.chips) if (!group.rows.some((facts) => CHIPS[chip](facts, group))) return false;
    return true;
  }

  textMatches(facts, group) {
    const [name, domain] = this.text.split("@");
    if (domain !== undefined) {
      const [user, host] = address(facts.aor).toLowerCase().split("@");
      return user.includes(name) && (host ?? "").includes(domain);
    }
    return [facts.aor, group.name, facts.contact, facts.received_from, facts.user_agent]
      .some((value) => String(value ?? "").toLowerCase().includes(this.text));
  }

  // --- Order ---

  get isHeld() { return this.table.matches(":hover") || this.table.contains(document.activeElement); }

  settle() {
    if (this.isDirty && !this.isHeld && !this.pause?.isPaused) this.arrange();
  }

  arrange() {
    this.isDirty = false;
    const key = KEYS[this.sort.name];
    const keyed = [];
    for (const group of this.groups.values()) if (this.matches(group)) keyed.push([key(group), group]);
    const sign = this.sort.isDown ? -1 : 1;
    keyed.sort(([one, a], [other, b]) => sign * (one < other ? -1 : one > other ? 1 : a.key < b.key ? -1 : 1));
    this.order = keyed.map(([, group], index) => Object.assign(group, { index }));
    this.window.show(this.order);
    this.count();
  }

  // --- Drawing ---

  drawWindow(groups) {
    const wanted = new Set(groups.map((group) => group.aor));
    for (const [aor, body] of this.bodies) {
      if (wanted.has(aor)) continue;
      body.remove();
      this.bodies.delete(aor);
    }
    return groups.map((group) => {
      const body = this.body(group.aor);
      this.draw(group, body);
      return body;
    });
  }

  body(aor) {
    let body = this.bodies.get(aor);
    if (!body) {
      // What the server drew is taken over, so that nothing flickers.
      body = [...this.table.tBodies].find((one) => one.dataset.aor === aor) ?? document.createElement("tbody");
      body.dataset.aor = aor;
      this.bodies.set(aor, body);
    }
    return body;
  }

  patch(aor, news) {
    const body = this.bodies.get(aor);
    if (!body) return;
    const group = this.groups.get(aor);
    if (!group) { // gone, and the row stays in its place until nobody points at it
      body.classList.add("gone");
      if (!this.isHeld) this.arrange();
      return;
    }
    body.classList.remove("gone");
    this.draw(group, body);
    for (const facts of news) {
      if (facts.aor !== aor || isGone(facts)) continue;
      const row = [...body.rows].find((one) => one.dataset.id === String(facts.id));
      if (row) flash(row);
    }
  }

  draw(group, body) {
    const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
    let head = $("th", body);
    if (!head) {
      head = fromTemplate("aor-head");
      $("bdi", head).textContent = clip(address(group.aor));
    }
    const wanted = group.rows.map((facts) => {
      const row = rows.get(String(facts.id)) ?? fromTemplate("binding-row");
      fillBinding(row, facts);
      return row;
    });
    // Rows that stay are not moved, so that focus and selection in them survive.
    for (const row of [...body.rows]) if (!wanted.includes(row)) row.remove();
    wanted.forEach((row, index) => {
      if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
    });
    if (head.rowSpan !== wanted.length) head.rowSpan = wanted.length;
    if (wanted[0].firstElementChild !== head) wanted[0].prepend(head);
    const name = $("[data-cell=name]", head);
    if (name.textContent !== group.name) name.textContent = clip(group.name);
    $("[data-cell=flapping]", head).hidden = group.changes < FLAPPING;
    const first = this.window.starts[group.index] + 2; // row 1 is the head
    wanted.forEach((row, index) => row.setAttribute("aria-rowindex", String(first + index)));
  }

  count() {
    const show = (name, number) => { const element = $(`[data-count=${name}]`); if (element) element.textContent = number.toLocaleString("en"); };
    const isFiltered = this.text || this.chips.size;
    const contacts = isFiltered ? this.order.reduce((sum, group) => sum + group.rows.length, 0) : this.contacts;
    show("contacts", contacts);
    show("aors", isFiltered ? this.order.length : this.groups.size);
    $("[data-empty=bindings]").hidden = this.groups.size > 0;
    const none = $("[data-empty=matches]");
    if (none) none.hidden = !(this.groups.size && !this.order.length);
    this.table.setAttribute("aria-rowcount", String(this.contacts + 1));
    this.summary = `${this.contacts} contacts of ${this.groups.size} addresses are registered`;
  }

  // --- Filter, chips, sorting ---

  startFilter() {
    const form = $("[data-live-filter]");
    const field = form && $("input[type=search]", form);
    if (!field) return;
    let timer, asking;
    const apply = () => {
      this.text = field.value.trim().toLowerCase();
      const place = new URL(location.href);
      if (this.text) place.searchParams.set("q", field.value.trim());
      else place.searchParams.delete("q");
      history.replaceState(null, "", place);
      this.arrange();
      clearTimeout(asking);
      // This page holds only what matched when it was opened, or the first of very many.
      if (this.isTruncated || this.table.dataset.q) {
        asking = setTimeout(() => { this.table.dataset.q = this.text; this.link?.askFor(this.text); }, SERVER_DELAY);
      }
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, FILTER_DELAY); });
    form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
    form.querySelectorAll("[data-without-scripts]").forEach((one) => { one.hidden = true; });
  }

  startChips() {
    document.querySelectorAll("[data-chip]").forEach((button) => {
      button.closest("[hidden]")?.removeAttribute("hidden");
      button.addEventListener("click", () => {
        const isOn = !this.chips.delete(button.dataset.chip);
        if (isOn) this.chips.add(button.dataset.chip);
        button.setAttribute("aria-pressed", String(isOn));
        this.arrange();
      });
    });
  }

  startSorting() {
    $("th[data-sort=aor]", this.table).setAttribute("aria-sort", "ascending"); // as the server sends it
    this.table.querySelectorAll("th[data-sort]").forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const name = head.dataset.sort;
        this.sort = { name, isDown: this.sort.name === name && !this.sort.isDown };
        this.table.querySelectorAll("th[data-sort]").forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", this.sort.isDown ? "descending" : "ascending");
        this.arrange();
      });
    });
  }
}

// In the order of domain and name, as the server sorts.
const sortKey = (aor) => address(aor).toLowerCase().split("@").reverse().join(" ");
