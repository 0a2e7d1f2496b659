// The overview's short list of the last registrations.
import { fillBinding, isGone } from "./bindings.js";
import { $, flash, fromTemplate, setText } from "./cells.js";
import { address, clip } from "./text.js";

export class Latest {
  topics = ["bindings"];

  constructor(table) {
    this.table = table;
    this.most = Number(table.dataset.most);
    this.known = new Map();
  }

  snapshot(message) {
    this.known = new Map(message.bindings.map((facts) => [facts.id, facts]));
    this.draw();
  }

  delta(message) {
    for (const facts of message.bindings ?? []) {
      if (isGone(facts)) this.known.delete(facts.id);
      else this.known.set(facts.id, facts);
    }
    if (message.bindings?.length) this.draw(new Set(message.bindings.map((facts) => String(facts.id))));
  }

  draw(changed = new Set()) {
    const facts = [...this.known.values()].filter((one) => !isGone(one))
      .sort((one, other) => other.refreshed_at - one.refreshed_at).slice(0, this.most);
    const body = this.table.tBodies[0];
    const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
    body.replaceChildren(...facts.map((one) => {
      const row = rows.get(String(one.id)) ?? fromTemplate("latest-row");
      setText(row, "aor", clip(address(one.aor)));
      fillBinding(row, one);
      if (changed.has(row.dataset.id)) flash(row);
      return row;
    }));
    $("[data-empty=latest]").hidden = facts.length > 0;
  }
}
