// Live calls: attempts newest first, each with its branches. New ones wait behind a pill while somebody reads further
// down; those on the page are kept current where they are.
import { $, flash, fromTemplate, setState, setText } from "./cells.js";
import { address, clip, timeElement } from "./text.js";

const READING_BELOW = 160; // px scrolled down: from there on new rows would push away what is read

function fillBranch(item, branch) {
  setState(item, branch.state);
  setText(item, "status", String(branch.status ?? ""));
  setText(item, "target", clip(address(branch.target)));
  setText(item, "device", clip(branch.user_agent));
}

export class Calls {
  topics = ["calls"];

  constructor(table) {
    this.table = table;
    this.most = Number(table.dataset.most);
    this.only = "";
    this.known = new Map(); // call id -> facts, those shown and those that wait
    this.bodies = new Map(); // call id -> its tbody
    for (const body of table.tBodies) this.bodies.set(body.dataset.id, body);
    this.pill = $("[data-new-calls]");
    this.pill?.addEventListener("click", () => {
      scrollTo({ top: 0 });
      this.arrange(true);
    });
    addEventListener("scroll", () => { if (this.waiting && !this.isReading) this.arrange(true); }, { passive: true });
    document.querySelectorAll("[data-only]").forEach((button) => {
      button.closest("[hidden]")?.removeAttribute("hidden");
      button.addEventListener("click", () => {
        this.only = button.dataset.only;
        document.querySelectorAll("[data-only]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
        this.arrange(true);
      });
    });
  }

  get isReading() { return scrollY > READING_BELOW; }

  snapshot(message) {
    this.known = new Map((message.calls ?? []).map((facts) => [String(facts.id), facts]));
    this.arrange(!this.isReading);
  }

  delta(message) {
    if (!message.calls?.length) return;
    for (const facts of message.calls) {
      const id = String(facts.id);
      this.known.set(id, facts);
      const body = this.bodies.get(id);
      if (body) {
        this.draw(facts, body);
        flash(body.rows[0]);
      }
    }
    this.arrange(!this.isReading, true);
    this.summary = `${message.calls.length} call attempts changed`;
  }

  matches(facts) {
    if (this.only === "now") return ["trying", "ringing"].includes(facts.state);
    if (this.only === "failed") return facts.state === "failed";
    return true;
  }

  // The newest that fit. `mayMove` false: rows that are not there yet wait, and the pill says how many.
  arrange(mayMove, isNews = false) {
    const facts = [...this.known.values()].sort((one, other) => (other.started_at ?? 0) - (one.started_at ?? 0));
    for (const one of facts.splice(this.most * 4)) this.known.delete(String(one.id));
    const wanted = facts.filter((one) => this.matches(one)).slice(0, this.most);
    this.waiting = mayMove ? 0 : wanted.filter((one) => !this.bodies.has(String(one.id))).length;
    if (this.pill) {
      this.pill.hidden = !this.waiting;
      this.pill.textContent = this.waiting === 1 ? "1 new call" : `${this.waiting} new calls`;
    }
    if (!mayMove) return;
    const ids = new Set(wanted.map((one) => String(one.id)));
    for (const [id, body] of this.bodies) {
      if (ids.has(id)) continue;
      body.remove();
      this.bodies.delete(id);
    }
    let next = this.table.tBodies[0] ?? null;
    for (const one of wanted) {
      const id = String(one.id);
      let body = this.bodies.get(id);
      if (!body) {
        body = document.createElement("tbody");
        body.dataset.id = id;
        body.append(document.getElementById("call-rows").content.cloneNode(true));
        this.bodies.set(id, body);
        this.draw(one, body);
        if (isNews) flash(body.rows[0]);
      } else if (!isNews) {
        this.draw(one, body);
      }
      if (body === next) next = next.nextElementSibling;
      else this.table.insertBefore(body, next);
    }
    $("[data-empty=calls]").hidden = wanted.length > 0;
  }

  draw(facts, body) {
    const row = body.rows[0];
    $("[data-cell=when]", row).replaceChildren(timeElement(facts.started_at));
    setText(row, "caller", clip(address(facts.caller)));
    setText(row, "callee", clip(address(facts.callee)));
    setText(row, "decision", facts.decision ?? "");
    setState(row, facts.state);
    setText(row, "status", String(facts.status ?? ""));
    setText(row, "ring", ringTime(facts));
    setText(row, "why", String(facts.explanation || "in progress").slice(0, 300));
    const link = $("[data-cell=link]", row);
    link.setAttribute("href", link.getAttribute("href").replace(/\/-?\d+\/$/, `/${facts.id}/`));
    const list = $("[data-branches]", body);
    const branches = facts.branches ?? [];
    branches.forEach((branch, index) => {
      fillBranch(list.children[index] ?? list.appendChild(fromTemplate("branch")), branch);
    });
    while (list.children.length > branches.length) list.lastElementChild.remove();
    $(".branch-row", body).hidden = !branches.length;
  }
}

function ringTime(facts) {
  if (!facts.ringing_at || !facts.ended_at) return "";
  const seconds = Math.max(0, facts.ended_at - facts.ringing_at);
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}
