// The detail page of a call that is still going on.
import { $, setState, setText, setVerdict, stateElement } from "./cells.js";
import { address, clip, deviceOf, timeElement, whole } from "./text.js";

export class OneCall {
  topics = ["calls"];

  constructor(article) { this.article = article; }

  snapshot(message) { this.delta(message); }

  delta(message) {
    const facts = message.calls?.find((one) => String(one.id) === this.article.dataset.id);
    if (!facts) return;
    const verdict = $(".verdict", this.article);
    setVerdict(verdict, facts.state);
    setState(verdict, facts.state);
    setText(verdict, "status", String(facts.status ?? ""));
    setText(verdict, "reason", clip(facts.reason));
    setText(verdict, "why", facts.explanation || "in progress");
    if (facts.ringing_at) $("[data-cell=ringing]", this.article).replaceChildren(timeElement(facts.ringing_at));
    if (facts.ended_at) $("[data-cell=ended]", this.article).replaceChildren(timeElement(facts.ended_at));
    this.steps(facts.steps ?? []);
    this.branches(facts.branches ?? []);
  }

  steps(steps) {
    if (!steps.length) return;
    $("[data-steps]", this.article).replaceChildren(...steps.map((step) => {
      const [words, rule, section] = Array.isArray(step) ? step
        : typeof step === "string" ? [step] : [step.text, step.rule, step.section];
      const item = document.createElement("li");
      const text = document.createElement("bdi");
      text.textContent = words ?? "";
      item.append(text);
      if (section || rule) {
        const mark = document.createElement("span");
        mark.className = "rule";
        mark.textContent = section ? (/^\d/.test(section) ? `§${section}` : section) : rule;
        item.append(" ", mark);
      }
      return item;
    }));
  }

  branches(branches) {
    const body = $("[data-branch-table] tbody", this.article);
    $("[data-branch-table]", this.article).hidden = !branches.length;
    $("[data-empty=branches]", this.article).hidden = branches.length > 0;
    body.replaceChildren(...branches.map((branch) => {
      const row = document.createElement("tr");
      const cell = (content, name = "") => {
        const element = row.insertCell();
        element.className = name;
        if (content instanceof Node) element.append(content);
        else element.textContent = clip(content);
        return element;
      };
      cell(branch.position + 1, "number");
      cell(branch.group + 1, "number");
      const target = document.createElement("bdi");
      target.className = "uri";
      target.textContent = clip(address(branch.target));
      target.title = whole(branch.target);
      cell(target);
      cell(branch.next_hop);
      cell(deviceOf(branch));
      cell(stateElement(branch.state));
      cell(`${branch.status ?? ""} ${branch.reason ?? ""}`, "code");
      cell(timeElement(branch.started_at));
      cell(timeElement(branch.ended_at));
      return row;
    }));
  }
}
