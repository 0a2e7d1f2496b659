// The page Security: asked for again every few seconds, for what it shows is known to the engine alone.
import { $, fromTemplate, setText } from "./cells.js";
import { timeElement } from "./text.js";

const INTERVAL = 3_000; // ms

export class Security {
  topics = [];

  constructor(element) {
    this.element = element;
    this.at = Date.now();
  }

  snapshot() { this.look(); }

  delta() { this.look(); }

  async look() {
    if (document.hidden || Date.now() - this.at < INTERVAL) return;
    this.at = Date.now();
    const answer = await fetch(this.element.dataset.address, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const known = await answer.json();
    this.rows("bans", known.bans);
    this.rows("sources", known.sources);
    for (const element of this.element.querySelectorAll("[data-count]")) {
      element.textContent = String(known.counts[element.dataset.count] ?? 0);
    }
    $("[data-quiet]", this.element).hidden = known.bans.length + known.sources.length > 0;
  }

  rows(kind, list) {
    const body = $(`[data-rows=${kind}]`, this.element);
    const wanted = new Map(list.map((facts) => [facts.source, facts]));
    for (const row of [...body.children]) {
      if ("key" in row.dataset && !wanted.has(row.dataset.key)) row.remove();
    }
    list.forEach((facts, position) => {
      let row = [...body.children].find((one) => one.dataset.key === facts.source);
      if (!row) {
        row = fromTemplate(`${kind}-row`);
        row.dataset.key = facts.source;
        this.address(row, facts);
        body.insertBefore(row, body.children[position] ?? null);
      }
      this.fill(row, facts);
    });
    $("[data-none]", body).hidden = list.length > 0;
  }

  // Links and forms of a new row lead to what it is about.
  address(row, facts) {
    for (const [name, selector] of [["href", "a"], ["action", "form"]]) {
      const element = $(selector, row);
      if (element && facts.id) element.setAttribute(name, element.getAttribute(name).replace(/\/0\//, `/${facts.id}/`));
    }
    const source = $("input[name=source]", row);
    if (source) source.value = facts.source;
    const button = $("button", row);
    if (button) button.setAttribute("aria-label", `${button.textContent} ${facts.source}`);
  }

  fill(row, facts) {
    for (const [name, value] of Object.entries(facts)) setText(row, name, String(value || (name === "exempt" ? "watched" : value)));
    for (const cell of row.querySelectorAll("[data-time]")) cell.replaceChildren(timeElement(facts[cell.dataset.time]));
    for (const cell of row.querySelectorAll("[data-until]")) {
      const until = facts[cell.dataset.until];
      if (!until) cell.textContent = "never";
      else if (!cell.querySelector(`time[data-expires="${Math.round(until)}"]`)) {
        const time = document.createElement("time");
        time.dataset.expires = String(Math.round(until));
        cell.replaceChildren(time);
      }
    }
  }
}
