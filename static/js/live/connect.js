// The light of "connect a phone": green on REGISTER, and what is wrong when it fails.
import { $ } from "./cells.js";
import { isGone } from "./bindings.js";
import { address, clip } from "./text.js";

const PATIENCE = 30_000; // ms without anything before the page suggests what could be in the way

export class Connect {
  topics = ["bindings", "knocks"];

  constructor(element) {
    this.aor = address(element.dataset.aor).toLowerCase();
    this.user = this.aor.split("@")[0];
    this.card = $("[data-connect-state]", element);
    this.known = new Map();
    if (this.state === "waiting") this.timer = setTimeout(() => this.hint(), PATIENCE);
  }

  get state() { return this.card.dataset.connectState; }

  snapshot(message) {
    this.known.clear();
    this.delta(message);
    if (this.state === "registered" && !this.known.size) this.show("waiting", "The phone is gone again.", "Its registration ended.");
  }

  delta(message) {
    for (const facts of message.bindings ?? []) if (address(facts.aor).toLowerCase() === this.aor) this.binding(facts);
    for (const facts of message.knocks ?? []) this.knock(facts);
  }

  binding(facts) {
    if (isGone(facts)) this.known.delete(facts.id);
    else this.known.set(facts.id, facts);
    if (this.known.size) {
      const one = [...this.known.values()].at(-1);
      const device = clip(one.user_agent || "A phone");
      this.show("registered", "A phone is registered.", `${device} at ${clip(one.received_from)}.`);
    } else if (this.state === "registered") {
      this.show("waiting", "The phone is gone again.", facts.reason || "Its registration ended.");
    }
  }

  knock(facts) {
    const isOurs = address(facts.aor).toLowerCase().split("@")[0] === this.user;
    // A name or domain with a typing error is most likely this phone too: nobody else is being connected now.
    if (this.known.size || (!isOurs && !["domain", "user"].includes(facts.cause))) return;
    const from = `From ${clip(facts.source)}${facts.user_agent ? `, ${clip(facts.user_agent)}` : ""}.`;
    if (facts.cause === "challenged") {
      if (this.state === "waiting") this.show("here", "A phone has arrived.", `${facts.sentence} ${from}`);
    } else {
      this.show("refused", clip(facts.sentence, 400), from);
    }
  }

  show(state, title, text) {
    clearTimeout(this.timer);
    $("[data-connect-hints]", this.card).hidden = true;
    this.card.dataset.connectState = state;
    const heads = { waiting: "Waiting for the phone", here: "A phone is here", refused: "Not yet", registered: "Registered" };
    $("h2", this.card).textContent = heads[state];
    $("[data-connect-title]", this.card).textContent = title;
    $("[data-connect-text]", this.card).textContent = text;
  }

  hint() {
    if (this.state !== "waiting") return;
    $("[data-connect-title]", this.card).textContent = "Still nothing has arrived.";
    $("[data-connect-text]", this.card).textContent = "No request of any phone reached the server. What could be in the way:";
    $("[data-connect-hints]", this.card).hidden = false;
  }
}
