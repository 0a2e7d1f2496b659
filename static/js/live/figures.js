// The numbers of the overview, and the engine's light on every page.
import { $ } from "./cells.js";

export function showFigures(figures) {
  if (!figures) return;
  for (const element of document.querySelectorAll("[data-figure]")) {
    const value = figures[element.dataset.figure];
    if (value !== undefined && value !== null && element.textContent !== String(value)) element.textContent = value;
  }
  if (!figures.engine) return;
  const state = figures.engine.is_up ? "up" : "down";
  const words = figures.engine.is_up ? "running" : "not running";
  for (const element of document.querySelectorAll("[data-engine]")) {
    element.dataset.engine = state;
    const text = $("[data-engine-words]", element);
    if (text && text.textContent !== words) text.textContent = words;
    const sentence = $("[data-engine-sentence]", element);
    if (sentence && sentence.textContent !== figures.engine.sentence) sentence.textContent = figures.engine.sentence;
  }
}
