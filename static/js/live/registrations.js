// Live registrations: one row group per address-of-record, its contacts within.
import { fillBinding, isGone } from "./bindings.js";
import { $, flash, fromTemplate } from "./cells.js";
import { address } from "./text.js";

export class Registrations {
  topics = ["bindings"];

  constructor(table) {
    this.table = table;
    this.text = (table.dataset.q || "").toLowerCase();
    this.groups = new Map(); // address-of-record -> Map of binding id -> facts
    this.bodies = new Map(); // address-of-record -> its tbody
    this.news = 0;
  }

  matches(facts) {
    if (!this.text) return true;
    const [name, domain] = this.text.split("@");
    if (domain !== undefined) {
      const [user, host] = address(facts.aor).toLowerCase().split("@");
      return user.includes(name) && (host ?? "").includes(domain);
    }
    return [facts.aor, facts.contact, facts.received_from, facts.user_agent]
      .some((value) => String(value ?? "").toLowerCase().includes(this.text));
  }

  snapshot(message) {
    this.groups.clear();
    for (const facts of message.bindings ?? []) this.keep(facts);
    for (const [aor, body] of this.bodies) {
      if (!this.groups.has(aor)) {
        body.remove();
        this.bodies.delete(aor);
      }
    }
    if (!this.bodies.size) this.table.querySelectorAll("tbody").forEach((body) => this.adopt(body));
    for (const aor of this.groups.keys()) this.draw(aor, null);
    this.count();
  }

  adopt(body) { // what the server drew
    if (this.groups.has(body.dataset.aor)) this.bodies.set(body.dataset.aor, body);
    else body.remove();
  }

  delta(message) {
    for (const facts of message.bindings ?? []) {
      this.keep(facts);
      this.draw(facts.aor, facts.id);
    }
    if (message.bindings?.length) this.count();
  }

  keep(facts) {
    const group = this.groups.get(facts.aor) ?? new Map();
    if (isGone(facts) || !this.matches(facts)) group.delete(facts.id);
    else group.set(facts.id, facts);
    if (group.size) this.groups.set(facts.aor, group);
    else this.groups.delete(facts.aor);
  }

  draw(aor, changed) {
    const group = this.groups.get(aor);
    let body = this.bodies.get(aor);
    if (!group) {
      body?.remove();
      this.bodies.delete(aor);
      return;
    }
    if (!body) {
      body = document.createElement("tbody");
      body.dataset.aor = aor;
      this.place(body, aor);
      this.bodies.set(aor, body);
    }
    const facts = [...group.values()].sort((one, other) => other.q - one.q || other.refreshed_at - one.refreshed_at);
    const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
    let head = $("th", body);
    if (!head) {
      head = fromTemplate("aor-head");
      $("bdi", head).textContent = address(aor);
    }
    const wanted = facts.map((one) => {
      const row = rows.get(String(one.id)) ?? fromTemplate("binding-row");
      fillBinding(row, one);
      return row;
    });
    // Rows that stay are not moved, so that focus and selection in them survive.
    for (const row of [...body.rows]) if (!wanted.includes(row)) row.remove();
    wanted.forEach((row, index) => {
      if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
    });
    head.rowSpan = wanted.length;
    if (wanted[0].firstElementChild !== head) wanted[0].prepend(head);
    const row = wanted.find((one) => one.dataset.id === String(changed));
    if (row) flash(row);
  }

  place(body, aor) { // in the order of domain and name, as the server sorts
    const key = (text) => address(text).split("@").reverse().join(" ");
    const next = [...this.table.tBodies].find((one) => key(one.dataset.aor) > key(aor));
    this.table.insertBefore(body, next ?? null);
  }

  count() {
    let contacts = 0;
    for (const group of this.groups.values()) contacts += group.size;
    const show = (name, number) => { const element = $(`[data-count=${name}]`); if (element) element.textContent = number; };
    show("contacts", contacts);
    show("aors", this.groups.size);
    $("[data-empty=bindings]").hidden = this.groups.size > 0;
    this.summary = `${contacts} contacts of ${this.groups.size} addresses are registered`;
  }
}
