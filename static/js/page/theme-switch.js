// The button that goes from the system's theme to light, to dark, and back.
import { recall, remember } from "./store.js";

const NEXT = { system: "light", light: "dark", dark: "system" };

export function startThemeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  let theme = recall("theme", "system");
  if (!(theme in NEXT)) theme = "system";

  const show = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.querySelectorAll("[data-icon]").forEach((icon) => { icon.toggleAttribute("hidden", icon.dataset.icon !== theme); });
    button.setAttribute("aria-label", `Theme: ${theme}. Change to ${NEXT[theme]}`);
    button.title = `Theme: ${theme}`;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    remember("theme", theme === "system" ? null : theme);
    show();
    document.dispatchEvent(new CustomEvent("themechange"));
  });
  show();
}
