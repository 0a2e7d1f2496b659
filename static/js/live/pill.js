// Live, paused or offline: one pill in the top bar, one banner, one pause for the whole page (WCAG 2.2.2).
import { $ } from "./cells.js";

export class Pill {
  // `onPause(isPaused)` is told of each change.
  constructor(onPause) {
    this.onPause = onPause;
    this.isPaused = false;
    this.state = "off";
    this.light = $("[data-link-state]");
    this.button = $("[data-pause]");
    if (this.button && document.querySelector("[data-live]")) {
      this.button.hidden = false;
      this.button.addEventListener("click", () => this.toggle());
    }
  }

  toggle() {
    this.isPaused = !this.isPaused;
    this.button.setAttribute("aria-pressed", String(this.isPaused));
    this.count(0);
    this.show(this.state, 0);
    this.onPause(this.isPaused);
  }

  count(news) {
    if (!this.button) return;
    this.button.textContent = !this.isPaused ? "Pause" : news ? `Paused, ${news} new` : "Paused";
  }

  show(state, lastHeardAt) {
    const isLost = state === "lost";
    if (state === this.state && !isLost && this.shownPause === this.isPaused) return;
    this.state = state;
    this.shownPause = this.isPaused;
    if (!this.light) return;
    this.light.hidden = false;
    this.light.dataset.linkState = this.isPaused && !isLost ? "paused" : state;
    const words = isLost ? "Offline" : this.isPaused ? "Paused" : "Live";
    const text = $("[data-link-text]");
    if (text.textContent !== words) text.textContent = words;
    $("[data-offline]").hidden = !isLost;
    document.body.classList.toggle("stale", isLost);
    if (isLost && lastHeardAt) {
      $("[data-offline-text]").textContent =
        `What you see is as of ${new Date(lastHeardAt).toLocaleTimeString("en-GB")}. Trying to reconnect.`;
    }
  }
}
