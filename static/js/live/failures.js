// The overview's last failures, in words.
import { $, fromTemplate, setText } from "./cells.js";
import { address, clip, timeElement } from "./text.js";

const CHALLENGES = [401, 407]; // the call comes again, with a password

export class Failures {
  topics = ["calls"];

  constructor(list) {
    this.list = list;
    this.most = Number(list.dataset.most);
  }

  snapshot(message) { this.take(message.calls ?? []); }

  delta(message) { this.take(message.calls ?? []); }

  take(calls) {
    const failed = calls.filter((one) => one.state === "failed" && !CHALLENGES.includes(one.status))
      .sort((one, other) => one.started_at - other.started_at);
    for (const facts of failed) {
      const id = String(facts.id);
      let item = [...this.list.children].find((one) => one.dataset.id === id);
      if (!item) {
        if (Number(this.list.firstElementChild?.dataset.at ?? 0) > facts.started_at) continue;
        item = fromTemplate("failure");
        item.dataset.id = id;
        item.dataset.at = facts.started_at;
        this.list.prepend(item);
      }
      $("[data-cell=when]", item).replaceChildren(timeElement(facts.started_at));
      setText(item, "why", clip(facts.explanation || facts.reason, 300));
      setText(item, "who", `${clip(address(facts.caller))} → ${clip(address(facts.callee))}`);
      setText(item, "status", String(facts.status ?? ""));
      const link = $("a", item);
      link.setAttribute("href", link.getAttribute("href").replace(/\/-?\d+\/$/, `/${id}/`));
    }
    while (this.list.children.length > this.most) this.list.lastElementChild.remove();
    $("[data-empty=failures]").hidden = this.list.children.length > 0;
  }
}
