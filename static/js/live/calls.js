// Live calls: attempts newest first, each with its branches.
import { $, flash, fromTemplate, setState, setText } from "./cells.js";
import { address, clip, deviceOf, timeElement } from "./text.js";

function fillBranch(item, branch) {
  setState(item, branch.state);
  setText(item, "status", String(branch.status ?? ""));
  setText(item, "target", clip(address(branch.target)));
  setText(item, "device", deviceOf(branch));
}

export class Calls {
  topics = ["calls"];

  constructor(table) {
    this.table = table;
    this.most = Number(table.dataset.most);
    this.started = new Map(); // call id -> when, for the order of the rows
  }

  snapshot(message) {
    const ids = new Set(message.calls.map((facts) => String(facts.id)));
    for (const body of [...this.table.tBodies]) if (!ids.has(body.dataset.id)) body.remove();
    for (const facts of message.calls ?? []) this.draw(facts, false);
    this.trim();
  }

  delta(message) {
    for (const facts of message.calls ?? []) this.draw(facts, true);
    if (message.calls?.length) {
      this.trim();
      this.summary = `${message.calls.length} call attempts changed`;
    }
  }

  draw(facts, isNews) {
    const id = String(facts.id);
    let body = [...this.table.tBodies].find((one) => one.dataset.id === id);
    this.started.set(id, facts.started_at ?? 0);
    if (!body) {
      body = document.createElement("tbody");
      body.dataset.id = id;
      body.append($("#call-rows").content.cloneNode(true));
      const next = [...this.table.tBodies].find((one) => (this.started.get(one.dataset.id) ?? 0) <= facts.started_at);
      this.table.insertBefore(body, next ?? null);
    }
    $("[data-cell=when]", body).replaceChildren(timeElement(facts.started_at));
    setText(body, "caller", clip(address(facts.caller)));
    setText(body, "callee", clip(address(facts.callee)));
    setText(body, "decision", facts.decision ?? "");
    const row = body.rows[0];
    setState(row, facts.state);
    setText(row, "status", String(facts.status ?? ""));
    setText(row, "why", String(facts.explanation || "in progress").slice(0, 300));
    const link = $("[data-cell=link]", row);
    link.setAttribute("href", link.getAttribute("href").replace(/\/-?\d+\/$/, `/${id}/`));
    const list = $("[data-branches]", body);
    const branches = facts.branches ?? [];
    branches.forEach((branch, index) => {
      const item = list.children[index] ?? list.appendChild(fromTemplate("branch"));
      fillBranch(item, branch);
    });
    while (list.children.length > branches.length) list.lastElementChild.remove();
    $(".branch-row", body).hidden = !branches.length;
    if (isNews) flash(row);
  }

  trim() {
    while (this.table.tBodies.length > this.most) {
      this.started.delete(this.table.tBodies[this.table.tBodies.length - 1].dataset.id);
      this.table.tBodies[this.table.tBodies.length - 1].remove();
    }
    $("[data-empty=calls]").hidden = this.table.tBodies.length > 0;
  }
}
