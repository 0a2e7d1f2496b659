// Runs before the first paint: the chosen theme, so that no page flashes in the other one. Small and blocking on purpose.
"use strict";

(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that forbids storage follows the system.
  }
  document.documentElement.classList.add("js");
})();
